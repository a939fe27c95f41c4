#include <string_view>

#include "measures.h"

namespace apt3 {
namespace {

struct Escape {
  uint8_t sign, letter;
};
/** What is written with a backslash and a letter; `JSON.stringify` is asked for the controls that are not among these. */
constexpr Escape written[] = {{'\n', 'n'}, {'\t', 't'}, {'"', '"'}, {'\\', '\\'}};
/** What else may be read so. */
constexpr Escape readable[] = {{'/', '/'}, {'\r', 'r'}, {'\b', 'b'}, {'\f', 'f'}};

/** The sign for a letter behind a backslash, 0 where there is none. */
constexpr auto signs = [] {
  std::array<uint8_t, 256> table{};
  for (const auto [sign, letter] : written) table[letter] = sign;
  for (const auto [sign, letter] : readable) table[letter] = sign;
  return table;
}();

/** Units below have one or two bytes. */
constexpr uint32_t shortUnits = 0x800;

/** What is written for a unit; of no size where that takes more than two bytes. */
struct Piece {
  uint8_t bytes[2];
  uint16_t size;
};
constexpr auto pieces = [] {
  std::array<Piece, shortUnits> table{};
  for (uint32_t unit = 32; unit < 0x80; unit++) table[unit] = {{static_cast<uint8_t>(unit), 0}, 1};
  for (uint32_t unit = 0x80; unit < shortUnits; unit++)
    table[unit] = {{static_cast<uint8_t>(0xc0 | unit >> 6), static_cast<uint8_t>(0x80 | (unit & 0x3f))}, 2};
  for (const auto [sign, letter] : written) table[sign] = {{'\\', letter}, 2};
  return table;
}();

/** Writes a code point beyond `shortUnits` and returns how many bytes it has. */
size_t writeLong(uint32_t code, uint8_t* to) {
  const size_t size = code < 0x10000 ? 3 : 4;
  for (size_t i = size - 1; i > 0; i--, code >>= 6) to[i] = 0x80 | (code & 0x3f);
  to[0] = (size == 3 ? 0xe0 : 0xf0) | code;
  return size;
}

uint32_t codeOf(uint32_t high, uint32_t low) { return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff); }

/** Reads JSON, and no further than it goes. */
class JsonReader {
 public:
  JsonReader(const uint8_t* json, size_t size) : json_(json), size_(size) {}

  size_t at() const { return at_; }

  /** Passes over white space and, if it comes next, a sign. */
  bool take(uint8_t sign) {
    while (at_ < size_ && isSpace(json_[at_])) at_++;
    if (at_ == size_ || json_[at_] != sign) return false;
    at_++;
    return true;
  }

  bool takeName(std::string_view name) {
    if (!take('"') || size_ - at_ <= name.size()) return false;
    if (std::memcmp(json_ + at_, name.data(), name.size()) != 0 || json_[at_ + name.size()] != '"') return false;
    at_ += name.size() + 1;
    return true;
  }

  /** Writes the units of a string that has begun and passes its closing quote; false for one that cannot be read so. */
  bool readString(Unit* to, size_t& length) {
    length = 0;
    for (;;) {
      copyPlain(to, length);
      if (at_ == size_) return false;
      const uint8_t sign = json_[at_++];
      if (sign >= 0x80) {
        if (!readSequence(sign, to, length)) return false;
      } else if (sign == '"') {
        return true;
      } else if (sign < 32) {
        return false;
      } else if (sign != '\\') {
        to[length++] = sign;
      } else if (!readEscape(to, length)) {
        return false;
      }
    }
  }

 private:
  static bool isSpace(uint8_t sign) { return sign == ' ' || sign == '\n' || sign == '\r' || sign == '\t'; }

  /**
   * Copies signs of ASCII sixteen at a time up to one that does not stand for itself. What is written behind it is written
   * again: no branch asks how many there are.
   */
  void copyPlain(Unit* to, size_t& length) {
    while (size_ - at_ >= sizeof(Bytes)) {
      Bytes bytes;
      std::memcpy(&bytes, json_ + at_, sizeof bytes);
      widen(bytes, to + length);
      using Signed = int8_t __attribute__((vector_size(sizeof(Bytes))));
      // bytes beyond ASCII are negative
      const uint32_t special = bitsOf((Bytes)(((Signed)bytes < 32) | (Signed)(bytes == '"') | (Signed)(bytes == '\\')));
      const size_t plain = special == 0 ? sizeof bytes : std::countr_zero(special);
      at_ += plain;
      length += plain;
      if (plain < sizeof bytes) return;
    }
  }

  /** The rest of a character beyond ASCII; what is cut off is none, and what is no UTF-8 becomes some character. */
  bool readSequence(uint8_t first, Unit* to, size_t& length) {
    const size_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (size_ - at_ < more) return false;
    uint32_t code = first & (0x3f >> more);
    for (size_t i = 0; i < more; i++) code = code << 6 | (json_[at_++] & 0x3f);
    if (code < 0x10000) {
      to[length++] = code;
    } else {
      to[length++] = 0xd7c0 + (code >> 10);
      to[length++] = 0xdc00 | (code & 0x3ff);
    }
    return true;
  }

  bool readEscape(Unit* to, size_t& length) {
    if (at_ == size_) return false;
    const uint8_t letter = json_[at_++];
    if (letter == 'u') return readCode(to, length);
    if (signs[letter] == 0) return false;
    to[length++] = signs[letter];
    return true;
  }

  /** A unit by its code, or a pair of surrogates; half of one is left to others. */
  bool readCode(Unit* to, size_t& length) {
    uint32_t code = 0;
    if (!readHex(code) || isLow(code)) return false;
    to[length++] = code;
    if (!isHigh(code)) return true;
    uint32_t low = 0;
    if (size_ - at_ < 2 || json_[at_] != '\\' || json_[at_ + 1] != 'u') return false;
    at_ += 2;
    if (!readHex(low) || !isLow(low)) return false;
    to[length++] = low;
    return true;
  }

  bool readHex(uint32_t& code) {
    if (size_ - at_ < 4) return false;
    for (const size_t end = at_ + 4; at_ < end; at_++) {
      const uint8_t sign = json_[at_], small = sign | 0x20;
      const bool isDigit = sign >= '0' && sign <= '9';
      if (!isDigit && !(small >= 'a' && small <= 'f')) return false;
      code = code << 4 | (isDigit ? sign - '0' : small - 'a' + 10);
    }
    return true;
  }

  const uint8_t* json_;
  size_t size_, at_ = 0;
};

}  // namespace

size_t readLeadingText(const uint8_t* json, size_t size, Unit* text, size_t& length) {
  JsonReader reader(json, size);
  const bool isRead = reader.take('{') && reader.takeName("text") && reader.take(':') && reader.take('"') &&
                      reader.readString(text, length);
  return isRead ? reader.at() : 0;
}

size_t writeJson(const Unit* text, size_t length, uint8_t* json) {
  size_t at = 0;
  for (size_t i = 0; i < length; i++) {
    const uint32_t unit = text[i];
    if (unit < shortUnits) {
      // one look-up and no branch for a letter of Polish: one that asks whether it is of ASCII goes wrong too often
      const Piece& piece = pieces[unit];
      if (piece.size == 0) return 0;
      std::memcpy(json + at, piece.bytes, sizeof piece.bytes);
      at += piece.size;
    } else if (!isHigh(unit)) {
      if (isLow(unit)) return 0;
      at += writeLong(unit, json + at);
    } else {
      if (!isLow(text[i + 1])) return 0;
      at += writeLong(codeOf(unit, text[++i]), json + at);
    }
  }
  return at;
}

}  // namespace apt3
