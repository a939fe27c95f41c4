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
constexpr uint8_t symbolEnd = symbolMark + 1;
constexpr size_t rows = symbolMark + 2;

constexpr Unit ellipsis = 0x2026;

/** `BEGINNING_WORDS` of ../words.ts. */
constexpr size_t beginningWords = 200;

using Tally = uint32_t[rows];

/** Strands of a text whose words are hashed side by side, and how long each is. */
constexpr size_t strands = 4, strandUnits = Block::units, strandedUnits = strands * strandUnits;

/** What is counted word by word. */
struct Sums {
  uint32_t words = 0, characters = 0, alphabetic = 0, stopWords = 0, usualWords = 0, plain = 0, symbols = 0;

  void write(uint32_t* counts) const {
    using Count = WordReader::Count;
    std::fill_n(counts, WordReader::counts, 0);
    counts[Count::words] = words;
    counts[Count::characters] = characters;
    counts[Count::alphabetic] = alphabetic;
    counts[Count::stopWords] = stopWords;
    counts[Count::usualWords] = usualWords;
    counts[Count::plain] = plain;
    counts[Count::symbols] = symbols;
  }
};

/** Adds units of a row to all counts they belong to. */
void addRow(size_t row, uint32_t units, uint32_t* counts) {
  using Count = WordReader::Count;
  if (row >= symbolMark) counts[Count::symbols] += units;
  const size_t kind = row == symbolMark ? markKind : row == symbolEnd ? endKind : row / groupCount;
  counts[Count::kinds + kind] += units;
  if (row < symbolMark) counts[Count::groups + row % groupCount] += units;
}

/** Ends of runs of three full stops or more. */
uint64_t ellipsesIn(uint64_t stops, uint64_t before) {
  return stops & earlier(stops, before, 1) & earlier(stops, before, 2) & ~earlier(stops, before, 3);
}

uint32_t countDifferent(const uint32_t* hashes, size_t count) {
  constexpr size_t slots = 1024;
  static_assert(slots > 2 * beginningWords);
  uint32_t table[slots] = {};
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) {
    const uint32_t hash = hashes[i];
    size_t slot = hash % slots;
    // a free slot or this hash's: no branch could guess which
    while (uint64_t{table[slot]} * (table[slot] ^ hash) != 0) slot = (slot + 1) % slots;
    // a word without letters or digits, 0, is never new
    found += table[slot] != hash;
    table[slot] = hash;
  }
  return found;
}

}  // namespace

WordReader::WordReader(Tables tables) : tables_(std::move(tables)), units_(1 << 16), rows_(1 << 16) {
  for (size_t unit = 0; unit < units_.size(); unit++) {
    const uint8_t kind = tables_.kind[unit];
    const bool isLetter = kind == lowerKind || kind == upperKind;
    uint8_t row = kind * groupCount + (isLetter && unit > 127 ? tables_.group[unit] : 0);
    if (unit == '#' && kind == markKind) row = symbolMark;
    if (unit == ellipsis && kind == endKind) row = symbolEnd;
    rows_[unit] = row;
    if (unit <= 32) units_[unit] = {0, 0, fnvStart};
    else if (isLetter || kind == digitKind) units_[unit] = {tables_.lower[unit], fnvPrime, 0};
    else units_[unit] = {0, 1, 0};
  }
}

inline uint32_t WordReader::step(uint32_t hash, Unit unit) const {
  const UnitEntry& entry = units_[unit];
  return (hash ^ entry.lower) * entry.factor + entry.start;
}

/**
 * Works out what the hash of a word would be if it ended behind each unit. A hash waits for the one before, so four
 * strands go side by side; the words that go on from one strand into the next are left to `hashOf`.
 */
inline void WordReader::hashUnits(const Unit* units, uint32_t* hashes) const {
  uint32_t hash[strands] = {fnvStart, fnvStart, fnvStart, fnvStart};
  for (size_t i = 0; i < strandUnits; i++) {
#pragma GCC unroll 4
    for (size_t k = 0; k < strands; k++) {
      const size_t at = k * strandUnits + i;
      hashes[at] = hash[k] = step(hash[k], units[at]);
    }
  }
}

uint32_t WordReader::hashOf(const Unit* word, size_t length) const {
  uint32_t hash = fnvStart;
  for (size_t i = 0; i < length; i++) hash = step(hash, word[i]);
  return hash;
}

inline bool WordReader::isLetter(Unit unit) const {
  return tables_.kind[unit] == lowerKind || tables_.kind[unit] == upperKind;
}

/** Whether a word has a letter, and whether it has a letter or a digit. */
WordReader::Seen WordReader::seenIn(const Unit* word, size_t length) const {
  Seen seen{};
  for (size_t i = 0; i < length; i++) {
    const bool isLetterHere = isLetter(word[i]);
    seen.letter |= isLetterHere;
    seen.sign |= isLetterHere || tables_.kind[word[i]] == digitKind;
  }
  return seen;
}

void WordReader::read(const Unit* text, size_t length, uint32_t* hashes, uint16_t* lengths, uint32_t* counts) const {
  // two, since one would wait for itself where two units are of a row
  Tally tally[2] = {};
  Sums sums;
  size_t start = 0;
  uint64_t stopsBefore = 0, isOpen = 0;
  const auto add = [&](size_t end, uint32_t hashThere) {
    const Unit* word = text + start;
    const size_t wordLength = end - start;
    // all but a few begin with a letter
    const Seen seen = isLetter(*word) ? Seen{true, true} : seenIn(word, wordLength);
    const bool crosses = start / strandUnits != (end - 1) / strandUnits;
    const uint32_t hash = crosses ? hashOf(word, wordLength) : hashThere;
    const uint32_t value = seen.sign ? std::max(hash, uint32_t{1}) : 0;
    hashes[sums.words] = value;
    lengths[sums.words] = std::min<size_t>(wordLength, 0xffff);
    sums.words++;
    sums.characters += wordLength;
    sums.alphabetic += seen.letter;
    // no branches, which would be guessed wrong too often
    const size_t slot = value * tables_.stopFactor >> 24;
    const uint32_t isStopWord = (tables_.stop[slot] == value) & seen.letter & (wordLength < 8);
    sums.stopWords += isStopWord;
    sums.usualWords |= tables_.usual[slot] * isStopWord;
  };
  /** The last hash of the units before, then those of the units at hand. */
  uint32_t hashed[1 + strandedUnits] = {};
  // one more than there are units: what stands behind the text ends its last word
  for (size_t base = 0; base <= length; base += strandedUnits) {
    Unit copy[strandedUnits];
    const Unit* units = text + base;
    if (length - base < strandedUnits) {
      std::fill(std::copy_n(units, length - base, copy), copy + strandedUnits, 0);
      units = copy;
    }
    hashed[0] = hashed[strandedUnits];
    hashUnits(units, hashed + 1);
    for (size_t at = 0; at < strandedUnits; at += Block::units) {
      const Block block(units + at);
      const uint64_t inWord = block.where([](Bytes bytes) { return bytes > 32; });
      const uint64_t plain = block.where([](Bytes bytes) { return bytes - 'a' <= 'z' - 'a'; });
      const uint64_t stops = block.where([](Bytes bytes) { return bytes == '.'; });
      sums.plain += std::popcount(plain);
      if (stops != 0) sums.symbols += std::popcount(ellipsesIn(stops, stopsBefore));
      stopsBefore = stops;
      for (uint64_t rest = inWord & ~plain, i = 0; rest != 0; rest &= rest - 1, i++)
        tally[i % 2][rows_[units[at + std::countr_zero(rest)]]]++;
      const uint64_t inWordBefore = inWord << 1 | isOpen;
      uint64_t starts = inWord & ~inWordBefore;
      const auto nextStart = [&] {
        const size_t place = base + at + std::countr_zero(starts);
        starts &= starts - 1;
        return place;
      };
      if (isOpen == 0) start = nextStart();
      for (uint64_t ends = inWordBefore & ~inWord; ends != 0; ends &= ends - 1) {
        const size_t end = std::countr_zero(ends);
        add(base + at + end, hashed[at + end]);
        start = nextStart();
      }
      isOpen = inWord >> (Block::units - 1);
    }
  }
  sums.write(counts);
  for (size_t row = 0; row < rows; row++) addRow(row, tally[0][row] + tally[1][row], counts);
  counts[different] = countDifferent(hashes, std::min<size_t>(sums.words, beginningWords));
}

}  // namespace apt3
