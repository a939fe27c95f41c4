#include <algorithm>
#include <string_view>

#include "measures.h"

namespace apt3 {
namespace {

/** `NOTICES` of ../notices.ts, each with the place of a space in it. */
struct Notice {
  std::u16string_view text;
  size_t space;
};
constexpr Notice notices[] = {{u" cookie", 0},   {u" ciastecz", 0}, {u" zastrze", 0},    {u" reserv", 0},
                              {u" prywatno", 0}, {u"red by", 3},    {u"t i wykona", 1}};

/** Place in `likely` of three units, by their lowest bits, which are the same for capitals. */
constexpr size_t letterBits = 5, letterValues = 1 << letterBits;
constexpr size_t placeOf(size_t first, size_t second, size_t third) {
  constexpr size_t last = letterValues - 1;
  return (first & last) | (second & last) << letterBits | (third & last) << 2 * letterBits;
}

/** Whether a notice may go on with three such units behind its space, as bits. */
constexpr auto likely = [] {
  std::array<uint64_t, letterValues * letterValues * letterValues / 64> bits{};
  for (const auto& [text, space] : notices) {
    const bool isShort = space + 3 >= text.size();
    for (size_t third = 0; third < letterValues; third++) {
      if (!isShort && third != text[space + 3] % letterValues) continue;
      const size_t place = placeOf(text[space + 1], text[space + 2], third);
      bits[place / 64] |= uint64_t{1} << place % 64;
    }
  }
  return bits;
}();

bool isSame(char16_t letter, Unit unit) { return unit == letter || (unit >= 'A' && unit <= 'Z' && (unit | 32) == letter); }

bool standsAt(const Notice& notice, const Unit* space) {
  return std::equal(notice.text.begin(), notice.text.end(), space - notice.space, isSame);
}

}  // namespace

bool hasNotice(const Unit* text, size_t length) {
  for (size_t base = 0; base < length; base += Block::units) {
    const Block block = blockAt(text, base, length);
    for (uint64_t spaces = block.where([](Bytes bytes) { return bytes == ' '; }); spaces; spaces &= spaces - 1) {
      const Unit* space = text + base + std::countr_zero(spaces);
      const size_t place = placeOf(space[1], space[2], space[3]);
      if (!(likely[place / 64] >> place % 64 & 1)) continue;
      if (std::any_of(std::begin(notices), std::end(notices),
                      [&](const Notice& notice) { return standsAt(notice, space); }))
        return true;
    }
  }
  return false;
}

}  // namespace apt3
