// Cuts text into words as tokenizer/engine/pre-tokenizer.ts does: a word starts at each space or "▁", and, where that
// is asked for, at both ends of a run of line feeds and of each digit.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace apt3 {

struct WordRules {
  bool isolateNewlines;
  bool isolateDigits;
};

/** Bytes looked at together; so many must be readable after the text. */
inline constexpr size_t kBlock = 64;

/** Which of 64 bytes are what, a bit each. */
struct BlockMasks {
  uint64_t spaces = 0;
  uint64_t newlines = 0;
  uint64_t digits = 0;
  /** First bytes of a "▁" perhaps. */
  uint64_t leads = 0;
};

inline BlockMasks readBlock(const uint8_t* bytes) {
  constexpr uint8_t kLead = 0xe2;
  BlockMasks masks;
#if defined(__SSE2__)
  for (int part = 0; part < 4; part++) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part));
    const auto bits = [part](__m128i equal) {
      return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(equal))) << 16 * part;
    };
    const auto equals = [v](uint8_t byte) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(static_cast<char>(byte))); };
    masks.spaces |= bits(equals(' '));
    masks.newlines |= bits(equals('\n'));
    masks.leads |= bits(equals(kLead));
    const __m128i fromZero = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    masks.digits |= bits(_mm_cmpeq_epi8(_mm_min_epu8(fromZero, _mm_set1_epi8(9)), fromZero));
  }
#else
  for (size_t i = 0; i < kBlock; i++) {
    const uint8_t byte = bytes[i];
    masks.spaces |= uint64_t{byte == ' '} << i;
    masks.newlines |= uint64_t{byte == '\n'} << i;
    masks.leads |= uint64_t{byte == kLead} << i;
    masks.digits |= uint64_t{static_cast<uint8_t>(byte - '0') < 10} << i;
  }
#endif
  return masks;
}

/** Goes through a text from word to word. */
class WordScanner {
 public:
  /** `bytes[end, end + kBlock)` must be readable, and zero. */
  WordScanner(const uint8_t* bytes, size_t start, size_t end, WordRules rules)
      : bytes_(bytes), block_(start), end_(end), rules_(rules) {
    if (start < end) starts_ = startsIn(start) & ~uint64_t{1};  // the first word starts whatever it begins with
  }

  /** Where the word that was reached ends and the next one starts, `end` after the last. */
  size_t next() {
    while (starts_ == 0) {
      block_ += kBlock;
      if (block_ >= end_) return end_;
      starts_ = startsIn(block_);
    }
    const size_t at = block_ + static_cast<size_t>(std::countr_zero(starts_));
    starts_ &= starts_ - 1;
    return at < end_ ? at : end_;
  }

 private:
  uint64_t startsIn(size_t block) {
    BlockMasks masks = readBlock(bytes_ + block);
    for (uint64_t leads = masks.leads; leads != 0; leads &= leads - 1) {
      const int bit = std::countr_zero(leads);
      const uint8_t* lead = bytes_ + block + bit;
      if (lead[1] == 0x96 && lead[2] == 0x81) masks.spaces |= uint64_t{1} << bit;
    }
    uint64_t starts = masks.spaces;
    if (rules_.isolateNewlines) {
      starts |= masks.newlines ^ (masks.newlines << 1 | lastNewline_);
      lastNewline_ = masks.newlines >> 63;
    }
    if (rules_.isolateDigits) {
      starts |= masks.digits | masks.digits << 1 | lastDigit_;
      lastDigit_ = masks.digits >> 63;
    }
    return starts;
  }

  const uint8_t* bytes_;
  size_t block_;
  size_t end_;
  WordRules rules_;
  uint64_t starts_ = 0;
  uint64_t lastNewline_ = 0;
  uint64_t lastDigit_ = 0;
};

}  // namespace apt3
