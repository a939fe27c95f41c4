#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace apt3 {

/** Readable bytes that must follow a text; they are zero. */
constexpr size_t readAhead = 32;

enum class Spaces { each, runs, joined };

/** Where words begin and end, as tokenizer/engine/pre-tokenizer.ts defines it for `metaspace`; valid UTF-8 is assumed. */
class WordScanner {
 public:
  /**
   * @param spaces a word starts at each space, or at each run of spaces, or nowhere
   * @param isolateNewlines runs of "\n" are words of their own; with Spaces::each, else it says nothing
   * @param isolateDigits digits are words of their own; likewise
   */
  WordScanner(Spaces spaces, bool isolateNewlines, bool isolateDigits)
      : spaces_(spaces),
        newline_(isolateNewlines && spaces == Spaces::each ? '\n' : ' '),
        digits_(isolateDigits && spaces == Spaces::each ? 10 : 0) {}

  /** Where the word that starts at `start` ends. */
  size_t wordEnd(const uint8_t* text, size_t start, size_t end) const {
    size_t at = start;
    switch (spaces_) {
      case Spaces::each:
        if (text[at] == '\n' && newline_ == '\n') {
          while (at < end && text[at] == '\n') at++;
          return at;
        }
        return isDigit(text[at]) ? at + 1 : nextStart(text, at + 1, end);
      case Spaces::runs:
        while (at < end && startsWord(text + at)) at += text[at] == ' ' ? 1 : 3;
        return nextStart(text, at, end);
      case Spaces::joined:
        break;
    }
    return end;
  }

 private:
  /** Compilers turn this into the vector instructions that every x86-64 and arm64 processor has. */
  using Bytes = uint8_t __attribute__((vector_size(16)));

  static Bytes load(const uint8_t* at) {
    Bytes bytes;
    std::memcpy(&bytes, at, sizeof(bytes));
    return bytes;
  }

  static bool startsWord(const uint8_t* at) {
    return at[0] == ' ' || (at[0] == 0xe2 && at[1] == 0x96 && at[2] == 0x81);
  }

  bool isDigit(uint8_t byte) const { return static_cast<uint8_t>(byte - '0') < digits_; }

  /** The first byte from `at` on that is a space, the beginning of a "▁", or what else words are cut at. */
  size_t nextStart(const uint8_t* text, size_t at, size_t end) const {
    for (; at < end; at += sizeof(Bytes)) {
      const Bytes here = load(text + at);
      const auto metaspace = (here == 0xe2) & (load(text + at + 1) == 0x96) & (load(text + at + 2) == 0x81);
      const auto cuts = (here == ' ') | (here == newline_) | ((here - '0') < digits_) | metaspace;
      uint64_t halves[2];
      std::memcpy(halves, &cuts, sizeof(halves));
      if ((halves[0] | halves[1]) == 0) continue;
      const int bits = halves[0] != 0 ? std::countr_zero(halves[0]) : 64 + std::countr_zero(halves[1]);
      return std::min(at + bits / 8, end);
    }
    return end;
  }

  Spaces spaces_;
  uint8_t newline_;
  uint8_t digits_;
};

static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");

}  // namespace apt3
