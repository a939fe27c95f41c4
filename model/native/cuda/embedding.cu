// The embedding table: rows by token id, and their gradient.
#include "memory.cuh"

namespace apt3::cuda {

template <class T>
DEVICE void embedding(const EmbeddingParams& p) {
  const int column = (blockX() * 256 + threadIndex()) * vectorSize;
  const int count = smaller(vectorSize, p.columns - column);
  for (int row = blockY(); row < p.rows && count > 0; row += gridY()) {
    const int id = pointer<const int>(p.ids)[row];
    float values[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    if (id >= 0 && id < p.vocabulary)
      loadVector(values, pointer<const T>(p.weight) + static_cast<long long>(id) * p.ldWeight + column, count);
    storeVector(pointer<float>(p.out) + static_cast<long long>(row) * p.ldout + column, values, count);
  }
}

KERNEL(apt3_embedding_bf16, EmbeddingParams, 256, 4) { embedding<bf16>(params); }
KERNEL(apt3_embedding_f32, EmbeddingParams, 256, 4) { embedding<float>(params); }

/**
 * The ids are looked through in windows of 128, one a thread; the four words of `found` tell which rows of a window hold
 * this block's id, in their order. Barriers stand on both sides of the words.
 */
KERNEL(apt3_embedding_backward, EmbeddingBackwardParams, 128, 4) {
  const EmbeddingBackwardParams& p = params;
  constexpr int window = 128;
  constexpr int words = window / 32;
  auto* found = reinterpret_cast<unsigned*>(sharedMemory());
  const int own = blockX();
  const int thread = threadIndex();
  const int column = (blockY() * window + thread) * vectorSize;
  const int count = smaller(vectorSize, p.columns - column);
  const int* ids = pointer<const int>(p.ids);
  const int id = ids[own];
  if (id < 0 || id >= p.vocabulary) return;
  float sums[8] = {};
  float* gradient = pointer<float>(p.dWeight) + static_cast<long long>(id) * p.lddWeight + column;
  for (int first = 0; first < p.rows; first += window) {
    const int row = first + thread;
    const unsigned bits = ballot(row < p.rows && ids[smaller(row, p.rows - 1)] == id);
    syncThreads();
    if (thread % 32 == 0) found[thread / 32] = bits;
    syncThreads();
#pragma unroll
    for (int word = 0; word < words; word++) {
      unsigned rest = found[word];
      for (int at = first + word * 32; rest != 0; at++, rest >>= 1) {
        if ((rest & 1) == 0) continue;
        // The block of the id's first row adds for all of them.
        if (at < own) return;
        if (count <= 0) continue;
        if (at == own) loadVector(sums, gradient, count);
        float values[8];
        loadVector(values, pointer<const float>(p.dOut) + static_cast<long long>(at) * p.lddOut + column, count);
#pragma unroll
        for (int i = 0; i < vectorSize; i++) sums[i] += values[i];
      }
    }
  }
  if (count > 0) storeVector(gradient, sums, count);
}

}  // namespace apt3::cuda
