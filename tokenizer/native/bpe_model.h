// Byte-pair encoding of single words, as tokenizer/engine/bpe-model.ts does it.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "merge_table.h"

namespace apt3 {

/** In the place of an id: there is none. */
inline constexpr int32_t kNoId = -1;

struct BpeOptions {
  /** Token of an unknown character; with kNoId unknown characters vanish before merging. */
  int32_t unkId = kNoId;
  /** One unknown token for a run of unknown characters. */
  bool fuseUnk = false;
  /** Ids of the 256 byte tokens that unknown characters become, kNoId where one is missing or they do not. */
  std::array<int32_t, 256> byteIds{};
};

class BpeModel {
 public:
  /**
   * `characters`: code point and id of every character that is a token. A space stands for "▁"; throws when it is not
   * among them.
   */
  BpeModel(const std::vector<Id>& characters, const std::vector<Id>& merges, const BpeOptions& options);

  /** Ids of a word; valid until the next call. False when the word is not UTF-8. */
  bool encode(const uint8_t* word, size_t length);
  const std::vector<Id>& ids() const { return symbols_; }

 private:
  bool readSymbols(const uint8_t* word, size_t length);
  int32_t idOf(uint32_t codePoint) const;
  bool pushBytes(const uint8_t* character, size_t length);
  void mergeShort();
  void mergeLong();

  /** Code points below this have their id in an array. */
  static constexpr uint32_t kDirect = 0x3000;

  MergeTable merges_;
  BpeOptions options_;
  std::vector<int32_t> direct_;
  std::unordered_map<uint32_t, int32_t> others_;
  std::vector<Id> symbols_;
  std::vector<Merge> pairs_;
};

}  // namespace apt3
