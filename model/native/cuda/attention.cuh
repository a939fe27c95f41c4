#pragma once
/** What all attention kernels agree on: where heads lie, and which keys a query sees. */
#include "memory.cuh"

namespace apt3::cuda {

constexpr float log2e = 1.44269504088896340736f;

/** First key of its sequence that the query at `position` sees; the last is itself. */
DEVICE int firstKey(const AttentionParams& p, int sequence, int position) {
  if (p.documentStarts == 0) return 0;
  const int start =
      pointer<const int>(p.documentStarts)[static_cast<long long>(sequence) * p.sequenceLength + position];
  return larger(0, smaller(start, position));
}

/** The key/value head of a query head. */
DEVICE int kvHeadOf(const AttentionParams& p, int head) { return head * p.kvHeads / p.heads; }

/** Columns of a row of qkv where a head's key and value start. */
DEVICE int keyColumn(const AttentionParams& p, int kvHead) { return (p.heads + kvHead) * p.headSize; }
DEVICE int valueColumn(const AttentionParams& p, int kvHead) { return (p.heads + p.kvHeads + kvHead) * p.headSize; }

/** Smallest first key of the `rows` queries from `position` on; the same in every thread of a warp. */
template <int rows>
DEVICE int smallestFirstKey(const AttentionParams& p, int sequence, int position) {
  if (p.documentStarts == 0) return 0;
  int smallest = position;
#pragma unroll
  for (int i = 0; i < rows / 32; i++) {
    const int own = position + i * 32 + threadIndex() % 32;
    if (own < p.sequenceLength) smallest = smaller(smallest, firstKey(p, sequence, own));
  }
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1) smallest = smaller(smallest, shuffleXor(smallest, mask));
  return smallest;
}

}  // namespace apt3::cuda
