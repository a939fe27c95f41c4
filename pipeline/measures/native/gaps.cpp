#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

constexpr size_t maxNewlines = 2;

bool isGap(Unit unit) { return unit == ' ' || unit == '\n' || unit == '\t'; }

/** Where some units are in a block. */
struct Gaps {
  uint64_t space = 0, newline = 0, tab = 0;

  Gaps() = default;
  explicit Gaps(const Block& block)
      : space(block.where([](Bytes units) { return units == ' '; })),
        newline(block.where([](Bytes units) { return units == '\n'; })),
        tab(block.where([](Bytes units) { return units == '\t'; })) {}

  /** Units of runs that do not stay as they are; at least one of each such run. */
  uint64_t untidy(const Gaps& before) const {
    const uint64_t space1 = earlier(space, before.space, 1), newline1 = earlier(newline, before.newline, 1);
    const uint64_t newlines = newline & newline1 & earlier(newline, before.newline, 2);
    return tab | newlines | (space & (space1 | newline1)) | (newline & space1);
  }
};

}  // namespace

size_t closeGaps(Unit* text, size_t length) {
  size_t to = 0;
  /** The first unit that has not been moved to its place. */
  size_t from = 0;
  const auto moveUpTo = [&](size_t end) {
    std::copy(text + from, text + end, text + to);
    to += end - from;
  };
  Gaps before;
  for (size_t base = 0; base < length; base += Block::units) {
    // what was written in place lies before `from`, where a run ends: nothing from there on is told by what stands before
    const Gaps here(blockAt(text, base, length));
    for (uint64_t untidy = here.untidy(before); untidy != 0; untidy &= untidy - 1) {
      const size_t found = base + std::countr_zero(untidy);
      if (found < from) continue;
      size_t start = found, end = found;
      while (start > from && isGap(text[start - 1])) start--;
      while (end < length && isGap(text[end])) end++;
      const size_t newlines = std::count(text + start, text + end, '\n');
      moveUpTo(start);
      if (newlines == 0) text[to++] = ' ';
      for (size_t k = std::min(newlines, maxNewlines); k > 0; k--) text[to++] = '\n';
      from = end;
    }
    before = here;
  }
  moveUpTo(length);
  return to;
}

}  // namespace apt3
