#include "measures.h"

namespace apt3 {
namespace {

/** What stands beside each other at a place, for one unit (a bool) or for eight (a mask); see ../signs.ts. */
template <class Value>
struct Neighbours {
  Value before4, before3, before2, before1, at, after;

  auto untidy() const {
    return (at <= 32) & (before1 <= 32) & ((at == 32) | (before1 == 32) | (before2 == '\n'));
  }
  auto looseMark() const { return (at == 32) & ((after == ',') | (after == '.')); }
  auto looseQuote() const { return (at == 32) & (before1 == '"') & (before2 == 32); }
  /** Two letters that stand alone, the second one before this place. */
  auto spacedLetters() const {
    return (at <= 32) & (before2 == 32) & (before4 == 32) & (before1 > 64) & (before1 < 0x180) & (before3 > 64) &
           (before3 < 0x180);
  }
};

template <class Value, class Load>
Neighbours<Value> neighboursAt(const Unit* at, Load load) {
  return {load(at - 4), load(at - 3), load(at - 2), load(at - 1), load(at), load(at + 1)};
}

bool isLetterAlone(const Unit* at) { return at[0] <= 32 && at[-2] == 32 && at[-1] > 64 && at[-1] < 0x180; }

/** Whether three letters stand alone, one after the other, the last one before this place. */
bool areSpacedLetters(const Unit* at) {
  return isLetterAlone(at) && isLetterAlone(at - 2) && isLetterAlone(at - 4);
}

}  // namespace

uint32_t readSigns(const Unit* text, size_t length, const uint16_t* table, const NeighbourSigns& signs) {
  uint32_t found = 0;
  size_t i = 0;
  using Mask = decltype(Lanes() == Lanes());
  Mask untidy{}, looseMark{}, looseQuote{};
  for (; i + lanes <= length; i += lanes) {
    for (size_t k = 0; k < lanes; k++) found |= table[text[i + k]];
    const auto near = neighboursAt<Lanes>(text + i, load);
    untidy |= near.untidy();
    looseMark |= near.looseMark();
    looseQuote |= near.looseQuote();
    if (any(near.spacedLetters())) {
      for (size_t k = 0; k < lanes; k++)
        if (areSpacedLetters(text + i + k)) found |= signs.spacedLetter;
    }
  }
  bool endsUntidy = length > 0 && text[length - 1] <= 32;
  bool endsLooseMark = false, endsLooseQuote = false;
  for (; i < length; i++) {
    found |= table[text[i]];
    const auto near = neighboursAt<Unit>(text + i, [](const Unit* at) { return *at; });
    endsUntidy |= near.untidy();
    endsLooseMark |= near.looseMark();
    endsLooseQuote |= near.looseQuote();
    if (areSpacedLetters(text + i)) found |= signs.spacedLetter;
  }
  if (endsUntidy || any(untidy)) found |= signs.untidy;
  if (endsLooseMark || any(looseMark)) found |= signs.looseMark;
  if (endsLooseQuote || any(looseQuote)) found |= signs.looseQuote;
  return found;
}

}  // namespace apt3
