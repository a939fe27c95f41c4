#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

/** Bytes beyond one for each unit. */
size_t moreBytes(Unit unit, Unit next) {
  // the halves of a pair have two bytes each, one that is alone becomes U+FFFD
  return (unit >= 0x80) + (unit >= 0x800) - 2 * (isHigh(unit) && isLow(next));
}

}  // namespace

size_t utf8Length(const Unit* text, size_t length) {
  size_t bytes = length, i = 0;
  while (i + lanes <= length) {
    // a lane counts up to 65535: two for each unit
    const size_t end = std::min(length - lanes, i + lanes * 30'000);
    Lanes more{};
    bool hasPairs = false;
    const size_t start = i;
    for (; i <= end; i += lanes) {
      const Lanes units = load(text + i);
      more -= (Lanes)(units >= 0x80) + (Lanes)(units >= 0x800);
      hasPairs |= any((units & 0xfc00) == 0xd800);
    }
    for (size_t k = 0; k < lanes; k++) bytes += more[k];
    if (!hasPairs) continue;
    for (size_t k = start; k < i; k++) bytes -= 2 * (isHigh(text[k]) && isLow(text[k + 1]));
  }
  for (; i < length; i++) bytes += moreBytes(text[i], text[i + 1]);
  return bytes;
}

}  // namespace apt3
