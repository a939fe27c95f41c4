#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

}  // namespace apt3
