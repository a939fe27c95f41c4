// The ids of the words met before, found many words at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpe_model.h"

namespace apt3 {

/** A word of the text being encoded. */
struct Word {
  const uint8_t* bytes;
  uint32_t length;
};

/** Words looked up together: enough to overlap their cache misses, few enough to stay in the first-level cache. */
inline constexpr size_t kBatch = 64;

/** Bytes that must be readable after a word. */
inline constexpr size_t kReadAhead = 16;

/**
 * `T` is the type of an id, uint16_t or uint32_t. Records of 32 bytes lie in the order the words came in, so that
 * frequent words lie together; an index of 4 bytes a place finds them.
 */
template <typename T>
class WordCache {
 public:
  /** `limit`: words the cache holds before it starts anew. */
  WordCache(BpeModel& model, size_t limit);

  /**
   * Appends the ids of up to kBatch words to `out`, which must have room for their bytes and kInline ids more.
   * Returns where the next id goes, or nullptr when a word is not UTF-8.
   */
  T* append(const Word* words, size_t count, T* out);

  /** Ids that are written together, whether a word has as many or not. */
  static constexpr size_t kInline = 8 / sizeof(T);

 private:
  struct Key {
    uint64_t low;
    uint64_t high;
    uint32_t hash;
  };

  struct Record {
    uint64_t low;
    uint64_t high;
    uint16_t length;
    uint16_t made;
    /** Of the bytes after the first 16, and of the ids when they are more than kInline: where they lie in arena_. */
    uint32_t place;
    T ids[kInline];
  };

  static Key keyOf(const Word& word);
  uint32_t find(const Word& word, const Key& key, uint32_t entry) const;
  bool isSame(const Record& record, const Word& word, const Key& key) const;
  uint32_t add(const Word& word, const Key& key);
  void enter(uint32_t hash, uint32_t number);
  void growIndex();
  void forget();

  BpeModel& model_;
  size_t limit_;
  /** Number of a record, from 1 on, below 8 bits of its hash; 0 is free. */
  std::vector<uint32_t> index_;
  std::vector<Record> records_;
  std::vector<uint32_t> hashes_;
  std::vector<uint8_t> arena_;
};

}  // namespace apt3
