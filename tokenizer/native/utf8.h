// Reading UTF-8, strictly.
#pragma once

#include <cstddef>
#include <cstdint>

namespace apt3 {

struct CodePoint {
  uint32_t value;
  /** Bytes it takes; 0: what is there is not UTF-8. */
  size_t length;
};

/** The code point at the beginning of `bytes`, of which `left` (at least one) may be read. */
inline CodePoint readCodePoint(const uint8_t* bytes, size_t left) {
  const uint32_t lead = bytes[0];
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > left) return {0, 0};
  uint32_t value = lead & (0x7f >> length);
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80) return {0, 0};
    value = value << 6 | (bytes[i] & 0x3f);
  }
  const bool isOverlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool isSurrogate = value >= 0xd800 && value < 0xe000;
  if (isOverlong || isSurrogate || value > 0x10ffff) return {0, 0};
  return {value, length};
}

}  // namespace apt3
