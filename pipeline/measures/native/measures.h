#pragma once
#include <vector>

#include "lanes.h"

// What is read of a text's units, for the TypeScript beside native/, which says what each of it means and does the same
// where this was not built. All tables have an entry for each unit and come from there.

namespace apt3 {

/** Bits of `SIGN` that two or more units together have. */
struct NeighbourSigns {
  uint32_t untidy, looseMark, looseQuote, spacedLetter, gluedHeading;
};

/** Bits of `NUMBER`. */
struct NumberBits {
  uint32_t inLong, inLocal, solid, dotted, plate, noteMarks, torn;
};

/** See ../numbers.ts. */
uint32_t readNumbers(const Unit* text, size_t length, const NumberBits& bits);

/** See ../notices.ts. */
bool hasNotice(const Unit* text, size_t length);

/** See ../gaps.ts; works in place and returns the length the text has then. */
size_t closeGaps(Unit* text, size_t length);

/**
 * Reads the text of a line of UTF-8 that begins with `{"text":"…"`. There is room for as many units as the line has bytes.
 *
 * @return where its closing quote is passed; 0 when the line begins with something else, and for half a surrogate pair
 */
size_t readLeadingText(const uint8_t* line, size_t size, Unit* text, size_t& length);

/**
 * Writes a text as it stands between the quotes of a JSON string. There is room for `jsonBytes(length)`.
 *
 * @return how many bytes were written; 0 for a text with signs that are escaped by their code
 */
size_t writeJson(const Unit* text, size_t length, uint8_t* json);
constexpr size_t jsonBytes(size_t length) { return 3 * length + 1; }

/** One pass over a text for what most steps ask first: its signs, its lines, its length in bytes. */
class TextScanner {
 public:
  /** In a unit's entry for lines: a letter that only Polish has. In a line's signs: that it has few of them. */
  static constexpr uint32_t polish = 128;

  /** See ../signs.ts for `signs`, ../line-table.ts for `lineUnits` and `fewPolish`. */
  TextScanner(const std::vector<uint32_t>& signs, const std::vector<uint8_t>& lineUnits, double fewPolish,
              const NeighbourSigns& neighbours);

  struct Scan {
    uint32_t signs;
    /** In UTF-8. */
    size_t bytes;
    size_t lines;
  };
  /** Writes where each line starts and what it holds, for `capacity` lines at most. */
  Scan read(const Unit* text, size_t length, uint32_t* starts, uint8_t* lineSigns, size_t capacity) const;

 private:
  struct UnitEntry {
    /** Joined by or, and added up. */
    uint32_t flags, counts;
    bool operator==(const UnitEntry&) const = default;
  };
  std::vector<UnitEntry> units_;
  double fewPolish_;
  NeighbourSigns neighbours_;
};

/** See ../words.ts. */
class WordReader {
 public:
  /** What `read` counts, in the order of `COUNTED` there; kinds and groups have a count each from theirs on. */
  enum Count {
    words,
    characters,
    alphabetic,
    stopWords,
    usualWords,
    plain,
    symbols,
    different,
    kinds,
    groups = kinds + 9
  };
  static constexpr size_t counts = groups + 4;

  struct Tables {
    std::vector<uint8_t> kind, group;
    std::vector<uint16_t> lower;
    std::vector<uint32_t> stop, usual;
    uint32_t stopFactor;
  };
  explicit WordReader(Tables tables);

  /** Writes a hash and a length for each word, and all counts. There are no more words than (length + 1) / 2. */
  void read(const Unit* text, size_t length, uint32_t* hashes, uint16_t* lengths, uint32_t* counts) const;

 private:
  Tables tables_;
  /**
   * What a unit does to a word's hash: it is xored, then multiplied (0 and 1 where it is not part of it). White space
   * makes it 0 and adds what the next word's hash starts from.
   */
  struct UnitEntry {
    uint32_t lower, factor, start;
  };
  std::vector<UnitEntry> units_;
  /** For each unit those it is counted with. */
  std::vector<uint8_t> rows_;

  struct Seen {
    bool letter, sign;
  };
  bool isLetter(Unit unit) const;
  Seen seenIn(const Unit* word, size_t length) const;
  uint32_t step(uint32_t hash, Unit unit) const;
  void hashUnits(const Unit* units, uint32_t* hashes) const;
  uint32_t hashOf(const Unit* word, size_t length) const;
};

/** See ../trigrams.ts: of the triples around a letter, how many there are and how many Polish does not have. */
class TrigramReader {
 public:
  /** @param unlikely 1 for a triple that Polish does not have, by the codes of its letters below `symbols` */
  TrigramReader(std::vector<uint8_t> codes, const std::vector<uint8_t>& unlikely, size_t symbols);

  struct Share {
    uint32_t unlikely = 0, all = 0;
  };
  /** Adds what there is to `share`. */
  void read(const Unit* text, size_t length, Share& share) const;

 private:
  std::vector<uint8_t> codes_;
  /** For each pair of codes a bit for each third one. */
  std::vector<uint64_t> unlikely_;
};

/** See ../ngrams.ts. */
class NgramReader {
 public:
  static constexpr size_t longestTop = 4, longestRepeated = 10;

  /** Writes `longestTop + 1` and `longestRepeated + 1` figures, by the number of words. */
  void readBounds(const uint32_t* hashes, const uint16_t* lengths, size_t words, double* top, double* repeated);
  /** Characters of the n-gram that covers most. */
  double top(const uint32_t* hashes, const uint16_t* lengths, size_t words, size_t n);
  /** Characters in n-grams that were seen before. */
  double repeated(const uint32_t* hashes, const uint16_t* lengths, size_t words, size_t n);

 private:
  struct Entry {
    uint32_t hash, count;
  };
  std::vector<Entry> entries_;
  size_t mask_ = 0;

  /** Forgets all counts, and makes room for so many hashes. */
  void clear(size_t entries);
  /** Counts one occurrence and returns how many there are now. */
  uint32_t add(uint32_t hash);
};

}  // namespace apt3
