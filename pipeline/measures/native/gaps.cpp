#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

constexpr size_t maxNewlines = 2;

bool isGap(Unit unit) { return unit == ' ' || unit == '\n' || unit == '\t'; }

}  // namespace

size_t closeGaps(Unit* text, size_t length) {
  size_t to = 0;
  for (size_t i = 0; i < length;) {
    const Unit unit = text[i];
    // a single space between two words, as nearly all are, is copied as they are
    if (!isGap(unit) || (unit == ' ' && i + 1 < length && !isGap(text[i + 1]))) {
      text[to++] = unit;
      i++;
      continue;
    }
    size_t newlines = 0;
    for (; i < length && isGap(text[i]); i++) newlines += text[i] == '\n';
    if (newlines == 0) text[to++] = ' ';
    for (size_t k = std::min(newlines, maxNewlines); k > 0; k--) text[to++] = '\n';
  }
  return to;
}

}  // namespace apt3
