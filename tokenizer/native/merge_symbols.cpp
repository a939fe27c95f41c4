#include "merge_symbols.h"

#include <functional>
#include <queue>
#include <vector>

namespace apt3 {
namespace {

/** Above this many symbols a heap replaces scanning for the best pair, which is faster for short words but quadratic. */
constexpr size_t longest = 64;

/** Places of a short word lie below ranks in one number, so that comparing numbers orders both. */
constexpr int placeBits = 6;

size_t mergeShort(uint32_t* symbols, size_t count, const MergeTable& merges) {
  uint32_t keys[longest];
  const auto keyAt = [&](size_t at) {
    return merges.rank(symbols[at], symbols[at + 1]) << placeBits | static_cast<uint32_t>(at);
  };
  for (size_t i = 0; i + 1 < count; i++) keys[i] = keyAt(i);
  for (;;) {
    uint32_t best = MergeTable::never << placeBits;
    for (size_t i = 0; i + 1 < count; i++) best = keys[i] < best ? keys[i] : best;
    const uint32_t rank = best >> placeBits;
    if (rank == MergeTable::never) return count;
    const size_t at = best & (longest - 1);
    symbols[at] = merges.merged(rank);
    count--;
    for (size_t i = at + 1; i < count; i++) {
      symbols[i] = symbols[i + 1];
      keys[i] = keys[i + 1] - 1;
    }
    if (at > 0) keys[at - 1] = keyAt(at - 1);
    if (at + 1 < count) keys[at] = keyAt(at);
  }
}

size_t mergeLong(uint32_t* symbols, size_t count, const MergeTable& merges) {
  const uint32_t end = static_cast<uint32_t>(count);
  std::vector<uint32_t> next(count), previous(count), ranks(count, MergeTable::never);
  // Places lie below ranks again, in 64 bits.
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> queue;
  const auto enqueue = [&](uint32_t at) {
    ranks[at] = next[at] < end ? merges.rank(symbols[at], symbols[next[at]]) : MergeTable::never;
    if (ranks[at] != MergeTable::never) queue.push(uint64_t{ranks[at]} << 32 | at);
  };
  for (uint32_t at = 0; at < end; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
    enqueue(at);
  }
  while (!queue.empty()) {
    const uint32_t at = static_cast<uint32_t>(queue.top());
    const uint32_t rank = queue.top() >> 32;
    queue.pop();
    if (ranks[at] != rank) continue;  // the pair here has changed since
    const uint32_t right = next[at];
    symbols[at] = merges.merged(rank);
    ranks[right] = MergeTable::never;
    next[at] = next[right];
    if (next[at] < end) previous[next[at]] = at;
    enqueue(at);
    if (at > 0) enqueue(previous[at]);
  }
  size_t left = 0;
  for (uint32_t at = 0; at < end; at = next[at]) symbols[left++] = symbols[at];
  return left;
}

}  // namespace

size_t mergeSymbols(uint32_t* symbols, size_t count, const MergeTable& merges) {
  return count <= longest ? mergeShort(symbols, count, merges) : mergeLong(symbols, count, merges);
}

}  // namespace apt3
