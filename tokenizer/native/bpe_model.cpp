#include "bpe_model.h"

#include <algorithm>

#include "merge_symbols.h"

namespace apt3 {
namespace {

struct Character {
  uint32_t codePoint;
  size_t bytes;
};

/** The character at `at`. Of bytes that are not UTF-8 it makes anything, but reads at most three beyond the first. */
Character readCharacter(const uint8_t* at) {
  const uint32_t lead = at[0];
  if (lead < 0x80) return {lead, 1};
  const uint32_t second = at[1] & 0x3f;
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | second, 2};
  const uint32_t third = at[2] & 0x3f;
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | second << 6 | third, 3};
  return {(lead & 0x07) << 18 | second << 12 | third << 6 | (at[3] & 0x3fu), 4};
}

}  // namespace

BpeModel::BpeModel(const ModelTables& tables)
    : merges_(tables.merges.data(), tables.merges.size() / 3),
      byteIds_(tables.byteIds),
      unknownId_(static_cast<int32_t>(tables.unknownId)),
      fuseUnknown_(tables.fuseUnknown),
      symbols_(256) {
  direct_.fill(absent);
  for (size_t i = 0; i + 1 < tables.characters.size(); i += 2) {
    const uint32_t codePoint = tables.characters[i];
    if (codePoint < direct) {
      direct_[codePoint] = tables.characters[i + 1];
    } else {
      others_[codePoint] = tables.characters[i + 1];
    }
  }
}

size_t BpeModel::encodeWord(const uint8_t* word, size_t bytes) {
  if (bytes > symbols_.size()) symbols_.resize(bytes * 2);
  return mergeSymbols(symbols_.data(), toSymbols(word, bytes), merges_);
}

size_t BpeModel::toSymbols(const uint8_t* word, size_t bytes) {
  uint32_t* symbols = symbols_.data();
  size_t count = 0;
  bool pending = false;  // the reference holds an unknown back until the next known character, past byte tokens
  const uint8_t* end = word + bytes;
  for (const uint8_t* at = word; at < end;) {
    const Character character = readCharacter(at);
    const uint8_t* next = std::min(at + character.bytes, end);
    const int32_t id = idOf(character.codePoint);
    if (id != absent) {
      if (pending) symbols[count++] = unknownId_;
      pending = false;
      symbols[count++] = id;
    } else if (hasBytes(at, next)) {
      for (const uint8_t* byte = at; byte < next; byte++) symbols[count++] = byteIds_[*byte];
    } else if (unknownId_ != absent) {
      if (pending && !fuseUnknown_) symbols[count++] = unknownId_;
      pending = true;
    }
    at = next;
  }
  if (pending) symbols[count++] = unknownId_;
  return count;
}

bool BpeModel::hasBytes(const uint8_t* character, const uint8_t* end) const {
  if (byteIds_.empty()) return false;
  return std::all_of(character, end, [&](uint8_t byte) { return byteIds_[byte] != absent; });
}

}  // namespace apt3
