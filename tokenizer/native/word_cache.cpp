#include "word_cache.h"

#include <array>
#include <cstring>

namespace apt3 {

namespace {

constexpr uint32_t kInlineBytes = 16;
/** Longer words are encoded afresh each time: they hardly ever come back, and would fill the cache. */
constexpr uint32_t kLongestCached = 200;
constexpr uint32_t kNumberBits = 24;
constexpr uint32_t kNumberMask = (1u << kNumberBits) - 1;
constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;

uint64_t read64(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

template <typename T>
WordCache<T>::WordCache(BpeModel& model, size_t limit)
    : model_(model), limit_(limit < kNumberMask ? limit : kNumberMask - 1), index_(1 << 12), records_(1), hashes_(1) {}

template <typename T>
typename WordCache<T>::Key WordCache<T>::keyOf(const Word& word) {
  // What is read beyond the word's end is cut off again: no branch that depends on its length.
  static constexpr auto kMasks = [] {
    std::array<uint64_t, kInlineBytes + 9> masks{};
    for (size_t length = 0; length < masks.size(); length++)
      masks[length] = length < 8 ? (uint64_t{1} << 8 * length) - 1 : ~uint64_t{0};
    return masks;
  }();
  const uint32_t length = word.length < kInlineBytes ? word.length : kInlineBytes;
  const uint64_t low = read64(word.bytes) & kMasks[length];
  const uint64_t high = length > 8 ? read64(word.bytes + 8) & kMasks[length - 8] : 0;
  uint64_t hash = (low ^ (high * kMultiplier + word.length)) * kMultiplier;
  for (uint32_t at = kInlineBytes; at < word.length; at += 8) {
    const uint32_t left = word.length - at;
    hash = (hash ^ hash >> 32 ^ (read64(word.bytes + at) & kMasks[left < 8 ? left : 8])) * kMultiplier;
  }
  return {low, high, static_cast<uint32_t>(hash >> 32 ^ hash >> 12)};
}

template <typename T>
bool WordCache<T>::isSame(const Record& record, const Word& word, const Key& key) const {
  return record.low == key.low && record.high == key.high && record.length == word.length &&
         (word.length <= kInlineBytes || std::memcmp(&arena_[record.place], word.bytes + kInlineBytes,
                                                     word.length - kInlineBytes) == 0);
}

/** Number of the word's record, 0 if there is none; `entry` is what stands at its first place of the index. */
template <typename T>
uint32_t WordCache<T>::find(const Word& word, const Key& key, uint32_t entry) const {
  const size_t mask = index_.size() - 1;
  for (size_t place = key.hash & mask; entry != 0; entry = index_[place = (place + 1) & mask])
    if (((entry ^ key.hash) >> kNumberBits) == 0 && isSame(records_[entry & kNumberMask], word, key))
      return entry & kNumberMask;
  return 0;
}

template <typename T>
T* WordCache<T>::append(const Word* words, size_t count, T* out) {
  if (records_.size() + kBatch > limit_ || arena_.size() > limit_ * 32) forget();
  Key keys[kBatch];
  uint32_t entries[kBatch];
  for (size_t i = 0; i < count; i++) {
    keys[i] = keyOf(words[i]);
    __builtin_prefetch(&index_[keys[i].hash & (index_.size() - 1)]);
  }
  for (size_t i = 0; i < count; i++) {
    entries[i] = index_[keys[i].hash & (index_.size() - 1)];
    __builtin_prefetch(&records_[entries[i] & kNumberMask]);
  }
  for (size_t i = 0; i < count; i++) {
    if (words[i].length > kLongestCached) {
      if (!model_.encode(words[i].bytes, words[i].length)) return nullptr;
      for (const Id id : model_.ids()) *out++ = static_cast<T>(id);
      continue;
    }
    uint32_t number = find(words[i], keys[i], entries[i]);
    if (number == 0) {
      // The batch may have brought this word a moment ago.
      number = find(words[i], keys[i], index_[keys[i].hash & (index_.size() - 1)]);
      if (number == 0) number = add(words[i], keys[i]);
      if (number == 0) return nullptr;
    }
    const Record& record = records_[number];
    std::memcpy(out, record.ids, sizeof record.ids);
    if (record.made > kInline) {
      const uint32_t tail = record.length > kInlineBytes ? record.length - kInlineBytes : 0;
      std::memcpy(out, &arena_[record.place + tail], record.made * sizeof(T));
    }
    out += record.made;
  }
  return out;
}

/** Encodes a new word and keeps it; 0 when it is not UTF-8. */
template <typename T>
uint32_t WordCache<T>::add(const Word& word, const Key& key) {
  if (!model_.encode(word.bytes, word.length)) return 0;
  const std::vector<Id>& ids = model_.ids();
  Record record{key.low, key.high, static_cast<uint16_t>(word.length), static_cast<uint16_t>(ids.size()),
                static_cast<uint32_t>(arena_.size()), {}};
  if (word.length > kInlineBytes) arena_.insert(arena_.end(), word.bytes + kInlineBytes, word.bytes + word.length);
  for (size_t i = 0; i < ids.size(); i++) {
    const T id = static_cast<T>(ids[i]);
    if (ids.size() <= kInline) {
      record.ids[i] = id;
    } else {
      const auto* bytes = reinterpret_cast<const uint8_t*>(&id);
      arena_.insert(arena_.end(), bytes, bytes + sizeof id);
    }
  }
  const uint32_t number = static_cast<uint32_t>(records_.size());
  records_.push_back(record);
  hashes_.push_back(key.hash);
  if (records_.size() * 2 > index_.size())
    growIndex();
  else
    enter(key.hash, number);
  return number;
}

template <typename T>
void WordCache<T>::enter(uint32_t hash, uint32_t number) {
  const size_t mask = index_.size() - 1;
  size_t place = hash & mask;
  while (index_[place] != 0) place = (place + 1) & mask;
  index_[place] = (hash & ~kNumberMask) | number;
}

template <typename T>
void WordCache<T>::growIndex() {
  index_.assign(index_.size() * 2, 0);
  for (uint32_t number = 1; number < records_.size(); number++) enter(hashes_[number], number);
}

template <typename T>
void WordCache<T>::forget() {
  index_.assign(index_.size(), 0);
  records_.resize(1);
  hashes_.resize(1);
  arena_.clear();
}

template class WordCache<uint16_t>;
template class WordCache<uint32_t>;

}  // namespace apt3
