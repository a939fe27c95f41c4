// For each pair of ids that merges: its rank (0 merges first) and the id it becomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace apt3 {

using Id = uint32_t;

struct Merge {
  uint32_t rank;
  Id merged;
};

/** Rank of a pair that never merges. */
inline constexpr uint32_t kNeverMerges = UINT32_MAX;

class MergeTable {
 public:
  /** `triples`: left, right and merged id, in order of rank; of a pair listed twice the later rank counts. */
  explicit MergeTable(const std::vector<Id>& triples) {
    const size_t merges = triples.size() / 3;
    size_t capacity = 16;
    while (capacity < merges * 2) capacity *= 2;
    slots_.assign(capacity, {kFree, {kNeverMerges, 0}});
    filter_.assign(capacity / 8, 0);
    for (size_t rank = 0; rank < merges; rank++) {
      const Id* triple = &triples[rank * 3];
      const uint64_t key = keyOf(triple[0], triple[1]);
      const uint64_t hash = mix(key);
      filter_[filterWord(hash)] |= uint64_t{1} << (hash >> 58);
      size_t slot = hash & (capacity - 1);
      while (slots_[slot].key != kFree && slots_[slot].key != key) slot = (slot + 1) & (capacity - 1);
      slots_[slot] = {key, {static_cast<uint32_t>(rank), triple[2]}};
    }
  }

  Merge find(Id left, Id right) const {
    const uint64_t key = keyOf(left, right);
    const uint64_t hash = mix(key);
    // Most pairs asked for never merge, and a bit that is not set says so from the core's own caches.
    if (((filter_[filterWord(hash)] >> (hash >> 58)) & 1) == 0) return {kNeverMerges, 0};
    for (size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
      if (slots_[slot].key == key || slots_[slot].key == kFree) return slots_[slot].merge;
    }
  }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };

  static constexpr uint64_t kFree = UINT64_MAX;

  static uint64_t keyOf(Id left, Id right) { return uint64_t{left} << 32 | right; }

  static uint64_t mix(uint64_t key) {
    const uint64_t hash = (key ^ key >> 29) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
  }

  size_t filterWord(uint64_t hash) const { return hash >> 24 & (filter_.size() - 1); }

  std::vector<Slot> slots_;
  /** Eight to sixteen bits for each merge; about one in ten is set by another pair. */
  std::vector<uint64_t> filter_;
};

}  // namespace apt3
