#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace apt3 {

/** A UTF-16 unit. */
using Unit = uint16_t;

/** The halves of a surrogate pair. */
inline bool isHigh(uint32_t unit) { return (unit & 0xfc00) == 0xd800; }
inline bool isLow(uint32_t unit) { return (unit & 0xfc00) == 0xdc00; }

/** Units readable before a text and behind it, as units.ts lays them out: newlines before it, zeros behind. */
constexpr size_t margin = 8;

/** Eight units at a time; comparing gives all bits of a lane or none. */
using Lanes = Unit __attribute__((vector_size(16)));
constexpr size_t lanes = 8;

inline Lanes load(const Unit* units) {
  Lanes value;
  std::memcpy(&value, units, sizeof value);
  return value;
}

/** Whether any bit of any lane is set. */
template <class Vector>
bool any(Vector value) {
  const auto halves = std::bit_cast<std::array<uint64_t, 2>>(value);
  return (halves[0] | halves[1]) != 0;
}

/** Sixteen units as bytes. */
using Bytes = uint8_t __attribute__((vector_size(16)));

/** A bit for each byte of a mask, the first one's the lowest. */
inline uint16_t bitsOf(Bytes mask) {
#ifdef __SSE2__
  return _mm_movemask_epi8((__m128i)mask);
#else
  uint16_t found = 0;
  for (size_t k = 0; k < sizeof mask; k++) found |= (mask[k] & 1) << k;
  return found;
#endif
}

/** Writes bytes as units. */
inline void widen(Bytes bytes, Unit* to) {
#ifdef __SSE2__
  const __m128i zero = _mm_setzero_si128();
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi8((__m128i)bytes, zero));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + lanes), _mm_unpackhi_epi8((__m128i)bytes, zero));
#else
  for (size_t k = 0; k < sizeof bytes; k++) to[k] = bytes[k];
#endif
}

/** Sixty-four units of a text, what is asked of all of them answered in one word: the first one's bit is the lowest. */
class Block {
 public:
  static constexpr size_t units = 64;

  explicit Block(const Unit* text) {
#pragma GCC unroll 4
    for (size_t i = 0; i < parts_.size(); i++) parts_[i] = narrow(load(text + i * 16), load(text + i * 16 + lanes));
  }

  /** @param test tells of each byte whether it is meant; units above 255 are seen as 255 */
  template <class Test>
  uint64_t where(Test test) const {
    uint64_t found = 0;
#pragma GCC unroll 4
    for (size_t i = 0; i < parts_.size(); i++) found |= uint64_t{bitsOf((Bytes)test(parts_[i]))} << i * 16;
    return found;
  }

 private:
  std::array<Bytes, 4> parts_;

  static Bytes narrow(Lanes low, Lanes high) {
#ifdef __SSE2__
    const __m128i most = _mm_set1_epi16(255);
    const auto capped = [&](__m128i wide) { return _mm_sub_epi16(wide, _mm_subs_epu16(wide, most)); };
    return (Bytes)_mm_packus_epi16(capped((__m128i)low), capped((__m128i)high));
#else
    Bytes narrowed;
    for (size_t k = 0; k < lanes; k++) {
      narrowed[k] = low[k] < 255 ? low[k] : 255;
      narrowed[k + lanes] = high[k] < 255 ? high[k] : 255;
    }
    return narrowed;
#endif
  }
};

/** The block from `base` on of a text; zeros behind the text's end. */
inline Block blockAt(const Unit* text, size_t base, size_t length) {
  if (length - base >= Block::units) return Block(text + base);
  Unit last[Block::units] = {};
  std::copy(text + base, text + length, last);
  return Block(last);
}

/** What is true of the units so many places earlier. */
inline uint64_t earlier(uint64_t here, uint64_t blockBefore, int places) {
  return here << places | blockBefore >> (Block::units - places);
}

}  // namespace apt3
