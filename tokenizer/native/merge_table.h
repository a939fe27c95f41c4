#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace apt3 {

/** For each pair of ids that merges: its rank (0 merges first) and the id it becomes. Ids and ranks have 21 bits. */
class MergeTable {
 public:
  /** Rank of a pair that never merges; larger than any real one. */
  static constexpr uint32_t never = (1u << 21) - 1;

  /** @param merges left id, right id, merged id, in order of rank; of a pair listed twice the later rank counts */
  MergeTable(const int32_t* merges, size_t count) {
    while ((size_t{1} << bits_) < count * 2) bits_++;
    slots_.assign(size_t{1} << bits_, empty);
    merged_.reserve(count);
    for (size_t rank = 0; rank < count; rank++) {
      const uint64_t pair = pairOf(merges[3 * rank], merges[3 * rank + 1]);
      slots_[find(pair)] = pair << 21 | rank;
      merged_.push_back(merges[3 * rank + 2]);
    }
  }

  uint32_t rank(uint32_t left, uint32_t right) const {
    return static_cast<uint32_t>(slots_[find(pairOf(left, right))]) & never;
  }

  /** The id the pair of this rank becomes. */
  uint32_t merged(uint32_t rank) const { return merged_[rank]; }

 private:
  /** Its rank reads as `never`, and its pair as none that there is. */
  static constexpr uint64_t empty = ~uint64_t{0};

  static uint64_t pairOf(uint32_t left, uint32_t right) { return uint64_t{left} << 21 | right; }

  /** Where the pair is, or the empty slot that says there is no such pair. */
  size_t find(uint64_t pair) const {
    size_t at = (pair * 0x9e3779b97f4a7c15) >> (64 - bits_);
    while (slots_[at] >> 21 != pair && slots_[at] != empty) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  int bits_ = 4;
  /** The pair, and in the low 21 bits its rank. */
  std::vector<uint64_t> slots_;
  std::vector<uint32_t> merged_;
};

}  // namespace apt3
