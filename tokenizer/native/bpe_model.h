#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "merge_table.h"

namespace apt3 {

/** A model as tokenizer/engine/bpe-tables.ts reads it from a tokenizer.json. */
struct ModelTables {
  /** Left, right and merged id of each merge. */
  std::vector<int32_t> merges;
  /** Code point and id of each character that is a token; a space stands for "▁". */
  std::vector<int32_t> characters;
  /** Ids of the 256 byte tokens, -1 where there is none; empty without byte fallback. */
  std::vector<int32_t> byteIds;
  /** Id of unknown characters; -1: they vanish. */
  int64_t unknownId = -1;
  /** One id for a run of unknown characters. */
  bool fuseUnknown = false;
};

/** Byte-pair encoding of single words. */
class BpeModel {
 public:
  explicit BpeModel(const ModelTables& tables);

  /** Encodes a word of valid UTF-8; returns the number of ids, at most one a byte, which are then in `symbols`. */
  size_t encodeWord(const uint8_t* word, size_t bytes);

  /** Ids of the word encoded last. */
  const uint32_t* symbols() const { return symbols_.data(); }

 private:
  /** Code points below this have their id in an array, the others in a map. */
  static constexpr uint32_t direct = 0x3000;

  static constexpr int32_t absent = -1;

  int32_t idOf(uint32_t codePoint) const {
    if (codePoint < direct) return direct_[codePoint];
    const auto found = others_.find(codePoint);
    return found == others_.end() ? absent : found->second;
  }

  size_t toSymbols(const uint8_t* word, size_t bytes);
  bool hasBytes(const uint8_t* character, const uint8_t* end) const;

  MergeTable merges_;
  std::array<int32_t, direct> direct_;
  std::unordered_map<uint32_t, int32_t> others_;
  std::vector<int32_t> byteIds_;
  int32_t unknownId_;
  bool fuseUnknown_;
  std::vector<uint32_t> symbols_;
};

}  // namespace apt3
