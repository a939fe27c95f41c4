#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace apt3 {

/** Longer words are not cached: they hardly ever come back, and would fill the cache. */
constexpr size_t longestCached = 200;

/** A word of a text, with what finds it in a cache. */
struct Word {
  const uint8_t* start;
  size_t bytes;
  /** Its first 16 bytes, zero beyond its end. */
  uint64_t head[2];
  uint64_t hash;
};

/** @param start followed by at least 16 readable bytes */
inline Word makeWord(const uint8_t* start, size_t bytes) {
  constexpr uint64_t all = ~uint64_t{0};
  const auto mask = [](size_t kept) { return kept >= 8 ? all : ~(all << 8 * kept); };
  Word word = {start, bytes, {0, 0}, 0};
  std::memcpy(word.head, start, sizeof(word.head));
  word.head[0] &= mask(bytes);
  word.head[1] &= bytes > 8 ? mask(bytes - 8) : 0;
  const auto mix = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xe7037ed1a0b428db);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  word.hash = mix(word.head[0] + bytes, word.head[1]);
  for (size_t at = 16; at < bytes && bytes <= longestCached; at += 8) {
    uint64_t part;  // of the last eight bytes once more where fewer are left
    std::memcpy(&part, start + (at + 8 <= bytes ? at : bytes - 8), sizeof(part));
    word.hash = mix(word.hash, part);
  }
  return word;
}

/** A cached word and its ids: half a cache line. */
template <class Id>
struct alignas(32) Record {
  static constexpr size_t inlineIds = 8 / sizeof(Id);

  uint64_t head[2];
  union {
    Id ids[inlineIds];
    /** Where in `stored` the ids are, when they are more than fit here. */
    uint32_t place;
  };
  /** Where the bytes after the first 16 are. */
  uint32_t tail;
  uint8_t bytes;
  uint8_t count;
};

/**
 * The ids of words met before. Records lie in the order the words came in, so that those of frequent words lie side by
 * side; an index of four bytes a place finds them. All memory is taken at the beginning, but the system provides it only as it is used.
 */
template <class Id>
class WordCache {
 public:
  /** @param limit words it holds at most, below 2^24 */
  explicit WordCache(size_t limit) : limit_(limit) {
    while (places_ < limit * 2) places_ *= 2;
    index_.reset(static_cast<uint32_t*>(std::calloc(places_, sizeof(uint32_t))));
    if (index_ == nullptr) throw std::bad_alloc();
    records_.reset(static_cast<Record<Id>*>(::operator new((limit + 1) * sizeof(Record<Id>), alignment)));
    records_.get()[0].bytes = 0;  // stands for no word
  }

  /** Whether so many more words fit. Tails and stored ids are limited too: long words could make them as large as they like. */
  bool hasRoom(size_t words) const {
    return size_ + words <= limit_ && stored_.size() <= limit_ * 16 && tails_.size() <= limit_ * 16;
  }

  void clear() {
    std::memset(index_.get(), 0, places_ * sizeof(uint32_t));
    size_ = 0;
    stored_.clear();
    tails_.clear();
  }

  /** The three steps of a look-up, to be done for many words at once, so that their memory accesses overlap. */
  void prefetchIndex(const Word& word) const { __builtin_prefetch(&index_.get()[word.hash & (places_ - 1)]); }

  uint32_t prefetchRecord(const Word& word) const {
    size_t place = word.hash & (places_ - 1);
    while (!matchesOrFree(index_.get()[place], word)) place = (place + 1) & (places_ - 1);
    const uint32_t number = index_.get()[place] & numberMask;
    __builtin_prefetch(&records_.get()[number]);
    return number;
  }

  /** @param number what prefetchRecord answered; the word may have been added since */
  const Record<Id>* find(const Word& word, uint32_t number) const {
    const Record<Id>& record = records_.get()[number];
    return isSame(record, word) ? &record : findSlowly(word);
  }

  const Record<Id>& add(const Word& word, const uint32_t* ids, size_t count) {
    Record<Id>& record = records_.get()[++size_];
    std::memcpy(record.head, word.head, sizeof(record.head));
    record.bytes = static_cast<uint8_t>(word.bytes);
    record.count = static_cast<uint8_t>(count);
    record.tail = static_cast<uint32_t>(tails_.size());
    if (word.bytes > 16) tails_.insert(tails_.end(), word.start + 16, word.start + word.bytes);
    if (count <= record.inlineIds) {
      for (size_t i = 0; i < record.inlineIds; i++) record.ids[i] = i < count ? static_cast<Id>(ids[i]) : 0;
    } else {
      record.place = static_cast<uint32_t>(stored_.size());
      stored_.insert(stored_.end(), ids, ids + count);
    }
    size_t place = word.hash & (places_ - 1);
    while (index_.get()[place] != 0) place = (place + 1) & (places_ - 1);
    index_.get()[place] = (static_cast<uint32_t>(word.hash >> 32) & ~numberMask) | static_cast<uint32_t>(size_);
    return record;
  }

  /** Writes a record's ids, and perhaps others behind them, up to `inlineIds` in all; returns where the next go. */
  Id* append(const Record<Id>& record, Id* to) const {
    if (record.count <= record.inlineIds) {
      std::memcpy(to, record.ids, sizeof(record.ids));
    } else {
      std::memcpy(to, &stored_[record.place], record.count * sizeof(Id));
    }
    return to + record.count;
  }

 private:
  /** Low bits of an index entry: the word's number, from 1 on; 0: free. The bits above are its hash's. */
  static constexpr uint32_t numberMask = (1u << 24) - 1;
  static constexpr std::align_val_t alignment{64};

  static bool matchesOrFree(uint32_t entry, const Word& word) {
    return entry == 0 || (entry ^ static_cast<uint32_t>(word.hash >> 32)) <= numberMask;
  }

  bool isSame(const Record<Id>& record, const Word& word) const {
    return record.bytes == word.bytes && record.head[0] == word.head[0] && record.head[1] == word.head[1] &&
           (word.bytes <= 16 || std::memcmp(&tails_[record.tail], word.start + 16, word.bytes - 16) == 0);
  }

  const Record<Id>* findSlowly(const Word& word) const {
    for (size_t place = word.hash & (places_ - 1);; place = (place + 1) & (places_ - 1)) {
      const uint32_t entry = index_.get()[place];
      if (entry == 0) return nullptr;
      const Record<Id>& record = records_.get()[entry & numberMask];
      if (matchesOrFree(entry, word) && isSame(record, word)) return &record;
    }
  }

  struct Free {
    void operator()(uint32_t* block) const { std::free(block); }
    void operator()(Record<Id>* block) const { ::operator delete(block, alignment); }
  };

  size_t limit_;
  size_t size_ = 0;
  /** Of the index: a power of two, at least twice as many as words. */
  size_t places_ = 16;
  std::unique_ptr<uint32_t[], Free> index_;
  std::unique_ptr<Record<Id>, Free> records_;
  /** Bytes and ids that do not fit a record. */
  std::vector<uint8_t> tails_;
  std::vector<Id> stored_;
};

}  // namespace apt3
