#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

constexpr uint32_t fnvPrime = 0x01000193;
constexpr uint32_t fnvStart = 0x811c9dc5;

/** `KIND` and `GROUP` of ../words.ts. */
constexpr uint8_t lowerKind = 2, upperKind = 3, digitKind = 4, markKind = 5, endKind = 6;
constexpr size_t kindCount = 9, groupCount = 4;

/** A row for each kind and group, then for what counts otherwise. */
constexpr uint8_t symbolMark = kindCount * groupCount;
constexpr uint8_t symbolEnd = symbolMark + 1, plainLetter = symbolMark + 2, space = symbolMark + 3;
constexpr size_t rows = symbolMark + 4;

constexpr Unit ellipsis = 0x2026;

bool isPlain(Unit unit) { return unit >= 'a' && unit <= 'z'; }

/** Which of eight units belong to the first `count`. */
Lanes firstUnits(size_t count) {
  constexpr Unit in = 0xffff;
  static constexpr Unit mask[] = {in, in, in, in, in, in, in, in, 0, 0, 0, 0, 0, 0, 0, 0};
  return load(mask + lanes - count);
}

/** A bit for each of 64 units that is no space or control character. */
uint64_t wordUnits(const Unit* units) {
  uint64_t bits = 0;
  for (size_t k = 0; k < 64; k += lanes) {
    // compared and packed to a byte a lane, and the bytes' highest bits gathered by a multiplication
    const auto isWord = __builtin_convertvector(load(units + k) > 32, int8_t __attribute__((vector_size(8))));
    const uint64_t bytes = std::bit_cast<uint64_t>(isWord) & 0x0101010101010101;
    bits |= ((bytes * 0x0102040810204080) >> 56) << k;
  }
  return bits;
}

}  // namespace

WordReader::WordReader(Tables tables) : tables_(std::move(tables)), hashed_(1 << 16, {0, 1}), row_(1 << 16) {
  for (size_t unit = 0; unit < hashed_.size(); unit++) {
    const uint8_t kind = tables_.kind[unit];
    if (unit <= 32) {
      row_[unit] = space;
      continue;
    }
    if (isLetter(unit) || kind == digitKind) hashed_[unit] = {tables_.lower[unit], fnvPrime};
    row_[unit] = kind * groupCount + (isLetter(unit) && unit > 127 ? tables_.group[unit] : 0);
    if (isPlain(unit)) row_[unit] = plainLetter;
    if (unit == '#' && kind == markKind) row_[unit] = symbolMark;
    if (unit == ellipsis && kind == endKind) row_[unit] = symbolEnd;
  }
}

inline uint32_t WordReader::hash(const Unit* start, size_t length, bool& hasLetter) const {
  uint32_t hash = fnvStart;
  bool hasPlain = false;
  for (size_t i = 0; i < length; i += lanes) {
    // all of eight, those of the next word put out: the work of several words overlaps where no end is guessed
    const Lanes units = load(start + i) & firstUnits(std::min(length - i, lanes));
    hasPlain |= any((units | 32) - 'a' < 26);
    Unit own[lanes];
    std::memcpy(own, &units, sizeof own);
#pragma GCC unroll 8
    for (size_t k = 0; k < lanes; k++) hash = (hash ^ hashed_[own[k]].lower) * hashed_[own[k]].factor;
  }
  if (hash == 0) hash = 1;
  if (hasPlain) {
    hasLetter = true;
    return hash;
  }
  bool isEmpty = true;
  for (size_t i = 0; i < length; i++) {
    hasLetter |= isLetter(start[i]);
    isEmpty &= hashed_[start[i]].factor == 1;
  }
  return isEmpty ? 0 : hash;
}

void WordReader::read(const Unit* text, size_t length, uint32_t* hashes, uint16_t* lengths, uint32_t* counts) const {
  std::fill_n(counts, WordReader::counts, 0);
  countUnits(text, length, counts);
  // where words begin and end in turns: found 64 units at a time, since no processor guesses how long a word is
  constexpr size_t part = 4096;
  uint32_t edges[part + 2];
  size_t pending = 0, count = 0;
  uint64_t inWord = 0;
  for (size_t start = 0; start < length; start += part) {
    const size_t end = std::min(start + part, length);
    for (size_t i = start; i < end; i += 64) {
      uint64_t units = 0;
      if (i + 64 <= length) units = wordUnits(text + i);
      else
        for (size_t k = i; k < length; k++) units |= uint64_t{text[k] > 32} << (k - i);
      uint64_t changes = units ^ (units << 1 | inWord);
      inWord = units >> 63;
      for (; changes != 0; changes &= changes - 1) edges[pending++] = i + std::countr_zero(changes);
    }
    if (end == length && pending % 2 == 1) edges[pending++] = length;
    size_t k = 0;
    for (; k + 2 <= pending; k += 2, count++) {
      const size_t wordLength = edges[k + 1] - edges[k];
      bool hasLetter = false;
      const uint32_t value = hash(text + edges[k], wordLength, hasLetter);
      hashes[count] = value;
      lengths[count] = std::min<size_t>(wordLength, 0xffff);
      counts[characters] += wordLength;
      counts[alphabetic] += hasLetter;
      const size_t slot = value * tables_.stopFactor >> 24;
      const uint32_t isStopWord = (tables_.stop[slot] == value) & hasLetter & (wordLength < 8);
      counts[stopWords] += isStopWord;
      counts[usualWords] |= tables_.usual[slot] * isStopWord; // no branch, which would be guessed wrong too often
    }
    if (k < pending) edges[0] = edges[k];
    pending -= k;
  }
  counts[words] = count;
}

void WordReader::countUnits(const Unit* text, size_t length, uint32_t* counts) const {
  // four tallies, since one of a unit that comes again at once would wait for itself
  uint32_t tallies[4][rows] = {};
  size_t i = 0;
  for (; i + lanes <= length; i += lanes) {
    for (size_t k = 0; k < lanes; k++) tallies[k % 4][row_[text[i + k]]]++;
    const auto dots = (load(text + i) == '.') & (load(text + i - 1) == '.') & (load(text + i - 2) == '.');
    if (!any(dots)) continue;
    for (size_t k = i; k < i + lanes; k++)
      counts[symbols] += text[k] == '.' && text[k - 1] == '.' && text[k - 2] == '.' && text[k - 3] != '.';
  }
  for (; i < length; i++) {
    tallies[0][row_[text[i]]]++;
    counts[symbols] += text[i] == '.' && text[i - 1] == '.' && text[i - 2] == '.' && text[i - 3] != '.';
  }
  const auto tally = [&](size_t row) { return tallies[0][row] + tallies[1][row] + tallies[2][row] + tallies[3][row]; };
  for (size_t kind = 0; kind < kindCount; kind++) {
    for (size_t group = 0; group < groupCount; group++) {
      const uint32_t found = tally(kind * groupCount + group);
      counts[kinds + kind] += found;
      counts[groups + group] += found;
    }
  }
  counts[kinds + markKind] += tally(symbolMark);
  counts[kinds + endKind] += tally(symbolEnd);
  counts[symbols] += tally(symbolMark) + tally(symbolEnd);
  counts[plain] = tally(plainLetter);
}

}  // namespace apt3
