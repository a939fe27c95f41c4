#include <algorithm>
#include <stdexcept>

#include "measures.h"

namespace apt3 {
namespace {

/** Halves of an entry's `flags`: signs of the text, and of the line; then what only this file knows. */
constexpr uint32_t lineShift = 24, highSurrogate = 1u << 31;
/** Halves of an entry's `counts`: Polish letters, and bytes in UTF-8 beyond one. A block's sum fits into either. */
constexpr uint32_t bytesShift = 16;

bool isLetterAlone(const Unit* at) { return at[0] <= 32 && at[-2] == 32 && at[-1] > 64 && at[-1] < 0x180; }

/** Whether three letters stand alone, one after the other, the last one before this place. */
bool areSpacedLetters(const Unit* at) {
  return isLetterAlone(at) && isLetterAlone(at - 2) && isLetterAlone(at - 4);
}

bool mayEndSentence(Unit unit) {
  return (unit >= 'a' && unit <= 'z') || (unit >= '0' && unit <= '9') || unit == '.' || unit == ')' || unit >= 0x80;
}

/** Places up to the first one of these, itself left out; all of them if there is none. */
uint64_t below(uint64_t places) { return (places & -places) - 1; }

/** Where some units are in a block. */
struct Places {
  uint64_t plain = 0, low = 0, space = 0, newline = 0, mark = 0, quote = 0, heading = 0;

  Places() = default;
  Places(const Block& block, uint64_t valid)
      : plain(block.where([](Bytes units) { return units - 'a' <= 'z' - 'a'; }) & valid),
        low(block.where([](Bytes units) { return units <= 32; }) & valid),
        space(block.where([](Bytes units) { return units == 32; }) & valid),
        newline(block.where([](Bytes units) { return units == '\n'; }) & valid),
        mark(block.where([](Bytes units) { return (units == ',') | (units == '.'); }) & valid),
        quote(block.where([](Bytes units) { return units == '"'; }) & valid),
        heading(block.where([](Bytes units) { return (units == 'L') | (units == 'Z'); }) & valid) {}

  /** A text begins as behind a newline. */
  static Places beforeText() {
    Places places;
    places.low = places.newline = ~uint64_t{0};
    return places;
  }
};

/** What two or more units beside each other say; see ../signs.ts. */
uint32_t neighboursIn(const Unit* block, const Places& here, const Places& before, const NeighbourSigns& signs) {
  uint32_t found = 0;
  const uint64_t low1 = earlier(here.low, before.low, 1);
  const uint64_t space1 = earlier(here.space, before.space, 1), space2 = earlier(here.space, before.space, 2);
  if (here.low & low1 & (here.space | space1 | earlier(here.newline, before.newline, 2))) found |= signs.untidy;
  if (here.mark & space1) found |= signs.looseMark;
  if (here.space & space2 & earlier(here.quote, before.quote, 1)) found |= signs.looseQuote;
  for (uint64_t alone = here.low & ~low1 & space2; alone != 0; alone &= alone - 1)
    if (areSpacedLetters(block + std::countr_zero(alone))) found |= signs.spacedLetter;
  for (uint64_t glued = here.heading & ~low1; glued != 0; glued &= glued - 1)
    if (mayEndSentence(block[std::countr_zero(glued) - ptrdiff_t{1}])) found |= signs.gluedHeading;
  return found;
}

}  // namespace

TextScanner::TextScanner(const std::vector<uint32_t>& signs, const std::vector<uint8_t>& lineUnits, double fewPolish,
                         const NeighbourSigns& neighbours)
    : units_(1 << 16), fewPolish_(fewPolish), neighbours_(neighbours) {
  for (size_t unit = 0; unit < units_.size(); unit++) {
    const uint32_t ofLine = lineUnits[unit], moreBytes = (unit >= 0x80) + (unit >= 0x800);
    units_[unit] = {signs[unit] | (ofLine & (polish - 1)) << lineShift | (isHigh(unit) ? highSurrogate : 0),
                    ofLine / polish | moreBytes << bytesShift};
  }
  for (const uint32_t sign : signs)
    if (sign >> lineShift) throw std::runtime_error("more signs than there is room for");
  const auto differs = [&](Unit unit) { return units_[unit] != units_['a']; };
  for (Unit unit = 'a'; unit <= 'z'; unit++)
    if (differs(unit)) throw std::runtime_error("plain letters that are not alike");
}

TextScanner::Scan TextScanner::read(const Unit* text, size_t length, uint32_t* starts, uint8_t* lineSigns,
                                    size_t capacity) const {
  Scan scan{0, length, 0};
  size_t start = 0;
  uint32_t flags = 0, polishLetters = 0;
  const auto closeLine = [&](size_t end) {
    if (scan.lines < capacity) {
      const bool isFew = polishLetters <= static_cast<double>(end - start) * fewPolish_;
      starts[scan.lines] = start;
      lineSigns[scan.lines] = (flags >> lineShift & (polish - 1)) | (isFew ? polish : 0);
    }
    scan.lines++;
    scan.signs |= flags;
    start = end + 1;
    flags = polishLetters = 0;
  };
  Places before = Places::beforeText();
  for (size_t base = 0; base < length; base += Block::units) {
    const Unit* units = text + base;
    Unit copy[Block::units];
    uint64_t left = ~uint64_t{0};
    if (length - base < Block::units) {
      left = (uint64_t{1} << (length - base)) - 1;
      std::fill(std::copy_n(units, length - base, copy), copy + Block::units, 0);
      units = copy;
    }
    const Places here(Block(units), left);
    scan.signs |= neighboursIn(text + base, here, before, neighbours_);
    before = here;
    const uint64_t others = left & ~(here.plain | here.space | here.newline);
    uint32_t ofBlock = 0, bytes = 0;
    while (true) {
      const uint64_t newlines = here.newline & left, part = left & below(newlines);
      if (here.plain & part) flags |= units_['a'].flags;
      if (here.space & part) flags |= units_[' '].flags;
      uint32_t counts = 0;
      for (uint64_t rest = others & part; rest != 0; rest &= rest - 1) {
        const UnitEntry& entry = units_[units[std::countr_zero(rest)]];
        flags |= entry.flags;
        counts += entry.counts;
      }
      ofBlock |= flags;
      bytes += counts >> bytesShift;
      polishLetters += counts & 0xffff;
      if (newlines == 0) break;
      scan.signs |= units_['\n'].flags;
      closeLine(base + std::countr_zero(newlines));
      left &= ~(newlines ^ (newlines - 1));
    }
    scan.bytes += bytes;
    // both halves of a pair were given two bytes more; they have four together
    if (ofBlock & highSurrogate)
      for (size_t i = base; i < std::min(base + Block::units, length); i++)
        scan.bytes -= 2 * (isHigh(text[i]) && isLow(text[i + 1]));
  }
  if (length > 0 && text[length - 1] <= 32) scan.signs |= neighbours_.untidy;
  closeLine(length);
  scan.signs &= (1u << lineShift) - 1;
  return scan;
}

}  // namespace apt3
