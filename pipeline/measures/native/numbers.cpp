#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

/** Letters of the alphabet below this are capitals, other signs than letters and digits stand among the lower ones. */
constexpr Unit small = 91;

bool isCapital(Unit unit) { return unit >= 'A' && unit <= 'Z'; }

bool isPlainMark(Unit unit) {
  constexpr Unit marks[] = {'.', ',', ';', '!', '?', '"'};
  return std::find(std::begin(marks), std::end(marks), unit) != std::end(marks);
}

bool isDigit(Unit unit) { return unit >= '0' && unit <= '9'; }

/** Signs of a plate, and of what stands behind the place. */
constexpr ptrdiff_t minPlate = 6, maxPlate = 8, minPlateRest = 4;

bool isPlateSign(Unit unit) { return isCapital(unit) || isDigit(unit); }

/** Whether capitals and digits around the first of some digits are as many as a plate has. */
bool mayBePlate(const Unit* digit) {
  constexpr ptrdiff_t most = margin;
  const Unit* start = digit;
  while (digit - start < most && isPlateSign(start[-1])) start--;
  const Unit* end = digit + 1;
  while (end - digit < most && isPlateSign(*end)) end++;
  const bool isApart = start[-1] == ' ' || start[-1] == '-';
  const bool place = isApart && isCapital(start[-2]) && isCapital(start[-3]);
  return end - start >= (place ? minPlateRest : minPlate) && end - start <= maxPlate;
}

/** The digits that were passed, for as long as they stand close together. */
struct Digits {
  const NumberBits& bits;
  /** Places of the last digit, and of the last one behind a full stop; no digit is near them at first. */
  int64_t last = -int64_t{margin}, lastDotted = -int64_t{margin};
  uint32_t inLong = 0, inLocal = 0, solid = 0, dotted = 0, noteMarks = 0;
  uint32_t found = 0;

  void add(const Unit* text, int64_t i) {
    const int64_t gap = i - last;
    last = i;
    inLong = gap <= 3 ? inLong + 1 : 1;
    inLocal = gap <= 2 ? inLocal + 1 : 1;
    solid = gap == 1 ? solid + 1 : 1;
    if (inLong == 9) found |= bits.inLong;
    if (inLocal == 7) found |= bits.inLocal;
    if (solid == 6) found |= bits.solid;
    if (gap == 1) return;
    const Unit previous = text[i - 1], beforePrevious = text[i - 2];
    if (gap == 2 && previous == '.') {
      dotted = i - lastDotted <= 4 ? dotted + 1 : 1;
      lastDotted = i;
      if (dotted == 3) found |= bits.dotted;
    }
    if (gap == 3 && previous == ' ' && (beforePrevious == ',' || beforePrevious == ':')) found |= bits.torn;
    if ((isCapital(previous) || isCapital(beforePrevious)) && mayBePlate(text + i)) found |= bits.plate;
    if ((isPlainMark(previous) ? beforePrevious : previous) >= small && ++noteMarks == 5) found |= bits.noteMarks;
  }
};

}  // namespace

uint32_t readNumbers(const Unit* text, size_t length, const NumberBits& bits) {
  Digits digits{bits};
  size_t i = 0;
  for (; i + lanes <= length; i += lanes) {
    if (!any(load(text + i) - '0' <= 9)) continue;
    for (size_t k = i; k < i + lanes; k++)
      if (isDigit(text[k])) digits.add(text, k);
  }
  for (; i < length; i++)
    if (isDigit(text[i])) digits.add(text, i);
  return digits.found;
}

}  // namespace apt3
