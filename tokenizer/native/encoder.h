#pragma once
#include <cstddef>
#include <cstdint>

#include "bpe_model.h"
#include "word_cache.h"
#include "word_scanner.h"

namespace apt3 {

/** Turns text into ids word by word, through a cache of the words met before. */
template <class Id>
class Encoder {
 public:
  /** @param cachedWords words the cache holds before it starts anew */
  Encoder(const ModelTables& tables, WordScanner scanner, size_t cachedWords)
      : model_(tables), scanner_(scanner), cache_(cachedWords) {}

  /** Ids beyond one a byte that there must be room for: short records are written whole. */
  static constexpr size_t slack = Record<Id>::inlineIds;

  /**
   * Encodes `text[start, end)`; returns where the next id goes.
   *
   * @param text readable for `readAhead` bytes beyond `end`
   * @param ids has room for one id a byte and `slack` more
   */
  Id* encode(const uint8_t* text, size_t start, size_t end, Id* ids) {
    while (start < end) {
      if (!cache_.hasRoom(batch)) cache_.clear();
      size_t count = 0;
      for (; count < batch && start < end; count++) {
        const size_t wordEnd = scanner_.wordEnd(text, start, end);
        words_[count] = makeWord(text + start, wordEnd - start);
        cache_.prefetchIndex(words_[count]);
        start = wordEnd;
      }
      for (size_t i = 0; i < count; i++) numbers_[i] = cache_.prefetchRecord(words_[i]);
      for (size_t i = 0; i < count; i++) ids = encodeWord(words_[i], numbers_[i], ids);
    }
    return ids;
  }

 private:
  /** Words looked up together: enough to overlap their memory accesses. */
  static constexpr size_t batch = 64;

  Id* encodeWord(const Word& word, uint32_t number, Id* ids) {
    const Record<Id>* known = word.bytes <= longestCached ? cache_.find(word, number) : nullptr;
    if (known != nullptr) return cache_.append(*known, ids);
    const size_t count = model_.encodeWord(word.start, word.bytes);
    const uint32_t* made = model_.symbols();
    if (word.bytes <= longestCached) return cache_.append(cache_.add(word, made, count), ids);
    for (size_t i = 0; i < count; i++) *ids++ = static_cast<Id>(made[i]);
    return ids;
  }

  BpeModel model_;
  WordScanner scanner_;
  WordCache<Id> cache_;
  Word words_[batch];
  uint32_t numbers_[batch];
};

}  // namespace apt3
