// Texts to ids: words, then their ids from the cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "word_cache.h"
#include "word_scanner.h"

namespace apt3 {

/** Bytes that must be readable, and zero, after a text. */
inline constexpr size_t kTextPadding = kBlock + kReadAhead;

template <typename T>
class TextEncoder {
 public:
  TextEncoder(BpeModel model, WordRules rules, size_t cachedWords)
      : model_(std::move(model)), cache_(model_, cachedWords), rules_(rules) {}
  TextEncoder(const TextEncoder&) = delete;
  TextEncoder& operator=(const TextEncoder&) = delete;

  /**
   * Appends the ids of `bytes[start, end)` to `out`, which must have room for `roomFor(end - start)` of them.
   * Returns where the next id goes, or nullptr when the text is not UTF-8.
   */
  T* append(const uint8_t* bytes, size_t start, size_t end, T* out) {
    WordScanner scanner(bytes, start, end, rules_);
    Word words[kBatch];
    while (start < end && out != nullptr) {
      size_t count = 0;
      for (; start < end && count < kBatch; count++) {
        const size_t wordEnd = scanner.next();
        words[count] = {bytes + start, static_cast<uint32_t>(wordEnd - start)};
        start = wordEnd;
      }
      out = cache_.append(words, count, out);
    }
    return out;
  }

  /** A byte makes at most one id: only a space, which stands for three bytes, could make more, and it is a token. */
  static size_t roomFor(size_t bytes) { return bytes + WordCache<T>::kInline; }

 private:
  BpeModel model_;
  WordCache<T> cache_;
  WordRules rules_;
};

}  // namespace apt3
