#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

constexpr uint32_t fnvPrime = 0x01000193;
constexpr uint32_t fnvStart = 0x811c9dc5;
/** What a hash has seen. */
constexpr uint16_t digit = 1, letter = 2;

/** `KIND` and `GROUP` of ../words.ts. */
constexpr uint8_t lowerKind = 2, upperKind = 3, digitKind = 4, markKind = 5, endKind = 6;
constexpr size_t kindCount = 9, groupCount = 4;

/** A row for each kind and group, then for what counts otherwise. */
constexpr uint8_t symbolMark = kindCount * groupCount;
constexpr uint8_t symbolEnd = symbolMark + 1, plainLetter = symbolMark + 2;
constexpr size_t rows = symbolMark + 3;

constexpr Unit ellipsis = 0x2026;

/** `BEGINNING_WORDS` of ../words.ts. */
constexpr size_t beginningWords = 200;

bool isPlain(Unit unit) { return unit >= 'a' && unit <= 'z'; }

using Tally = uint32_t[rows];

/** Adds units of a row to all counts they belong to. */
void addRow(size_t row, uint32_t units, uint32_t* counts) {
  using Count = WordReader::Count;
  if (row == plainLetter) counts[Count::plain] += units;
  if (row >= plainLetter) return;
  if (row >= symbolMark) counts[Count::symbols] += units;
  const size_t kind = row == symbolMark ? markKind : row == symbolEnd ? endKind : row / groupCount;
  counts[Count::kinds + kind] += units;
  if (row < symbolMark) counts[Count::groups + row % groupCount] += units;
}

/** Runs of three full stops or more. */
uint32_t countEllipses(const Unit* text, size_t length) {
  const auto endsHere = [](const Unit* at) { return at[0] == '.' && at[-1] == '.' && at[-2] == '.' && at[-3] != '.'; };
  uint32_t found = 0;
  size_t i = 0;
  for (; i + lanes <= length; i += lanes) {
    const Unit* at = text + i;
    if (!any((load(at) == '.') & (load(at - 1) == '.') & (load(at - 2) == '.'))) continue;
    for (size_t k = 0; k < lanes; k++) found += endsHere(at + k);
  }
  for (; i < length; i++) found += endsHere(text + i);
  return found;
}

uint32_t countDifferent(const uint32_t* hashes, size_t count) {
  constexpr size_t slots = 512;
  static_assert(slots > 2 * beginningWords);
  uint32_t table[slots] = {};
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) {
    size_t slot = hashes[i] % slots;
    while (table[slot] != 0 && table[slot] != hashes[i]) slot = (slot + 1) % slots;
    // a word without letters or digits, 0, is never new
    found += table[slot] != hashes[i];
    table[slot] = hashes[i];
  }
  return found;
}

}  // namespace

WordReader::WordReader(Tables tables) : tables_(std::move(tables)), units_(1 << 16) {
  for (size_t unit = 33; unit < units_.size(); unit++) {
    const uint8_t kind = tables_.kind[unit];
    const bool isLetter = kind == lowerKind || kind == upperKind;
    uint8_t row = kind * groupCount + (isLetter && unit > 127 ? tables_.group[unit] : 0);
    if (isPlain(unit)) row = plainLetter;
    if (unit == '#' && kind == markKind) row = symbolMark;
    if (unit == ellipsis && kind == endKind) row = symbolEnd;
    if (isLetter || kind == digitKind) units_[unit] = {tables_.lower[unit], fnvPrime, isLetter ? letter : digit, row};
    else units_[unit] = {0, 1, 0, row};
  }
}

void WordReader::read(const Unit* text, size_t length, uint32_t* hashes, uint16_t* lengths, uint32_t* counts) const {
  std::fill_n(counts, WordReader::counts, 0);
  // two, since one would wait for itself where two units are of a row
  Tally tally[2] = {};
  size_t count = 0;
  for (size_t i = 0; i < length; i++) {
    const size_t start = i;
    uint32_t hash = fnvStart, seen = 0;
    // behind the text stands a zero
    for (Unit unit = text[i]; unit > 32; unit = text[++i]) {
      const UnitEntry& entry = units_[unit];
      hash = (hash ^ entry.lower) * entry.factor;
      seen |= entry.seen;
      tally[i % 2][entry.row]++;
    }
    const size_t wordLength = i - start;
    if (wordLength == 0) continue;
    const uint32_t value = seen == 0 ? 0 : std::max(hash, uint32_t{1});
    const uint32_t hasLetter = (seen & letter) / letter;
    hashes[count] = value;
    lengths[count] = std::min<size_t>(wordLength, 0xffff);
    count++;
    counts[characters] += wordLength;
    counts[alphabetic] += hasLetter;
    // no branches, which would be guessed wrong too often
    const size_t slot = value * tables_.stopFactor >> 24;
    const uint32_t isStopWord = (tables_.stop[slot] == value) & hasLetter & (wordLength < 8);
    counts[stopWords] += isStopWord;
    counts[usualWords] |= tables_.usual[slot] * isStopWord;
  }
  counts[words] = count;
  for (size_t row = 0; row < rows; row++) addRow(row, tally[0][row] + tally[1][row], counts);
  counts[symbols] += countEllipses(text, length);
  counts[different] = countDifferent(hashes, std::min(count, beginningWords));
}

}  // namespace apt3
