#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "operations.h"

namespace apt3::cuda::operations {
namespace {

AttentionParams parametersOf(Gpu& gpu, const AttentionShape& shape, const Matrix& qkv, const Matrix& documentStarts,
                             const Matrix& out, const Matrix& logSumExp) {
  if (shape.headSize > plainAttentionMaxHeadSize) {
    throw std::runtime_error("heads of " + std::to_string(shape.headSize) + " are wider than the cuda backend's 256");
  }
  if (documentStarts.present()) {
    allow(documentStarts, {0, static_cast<int32_t>(shape.sequenceLength - 1)}, "document start");
  }
  return {gpu.at(qkv),           gpu.atOptional(documentStarts), gpu.at(out),          gpu.at(logSumExp),
          narrow(shape.sequences), narrow(shape.sequenceLength), narrow(shape.heads),  narrow(shape.kvHeads),
          narrow(shape.headSize),  narrow(qkv.ld()),             narrow(out.ld()),     narrow(logSumExp.ld())};
}

/** The tensor-core attention for a head size; null where only the plain kernels will do. */
const AttentionTile* tileFor(DType dtype, int64_t headSize) {
  if (dtype != DType::bf16 || headSize % 8 != 0) return nullptr;
  const auto* found = std::find_if(std::begin(attentionTiles), std::end(attentionTiles),
                                   [&](const AttentionTile& tile) { return headSize <= tile.maxHeadSize; });
  return found == std::end(attentionTiles) ? nullptr : found;
}

/** Blocks of queries, as long as those of keys, that see the keys of the part with most of them. */
int64_t longestPart(int64_t splits, int64_t keyBlocks) {
  std::vector<int64_t> parts(static_cast<size_t>(splits));
  for (int64_t block = 0; block < keyBlocks; block++) {
    const int64_t round = block / splits, place = block % splits;
    parts[static_cast<size_t>(round % 2 == 0 ? place : splits - 1 - place)] += keyBlocks - block;
  }
  return *std::max_element(parts.begin(), parts.end());
}

/**
 * Parts in which gradients of queries are summed: as many as end first, with a block a multiprocessor at a time, each
 * part taking key blocks there and back again (see AttentionBackwardParams). model/backends/cuda/layout.ts plans their
 * memory by the same rule.
 */
int64_t splitsOf(int multiprocessors, const AttentionShape& shape, const AttentionTile& tile) {
  const int64_t keyBlocks = upwards(shape.sequenceLength, tile.backwardKeyRows);
  const int64_t heads = shape.sequences * shape.kvHeads;
  const int64_t most = std::min(keyBlocks, 2 * upwards(multiprocessors, heads));
  int64_t best = 1, bestTime = std::numeric_limits<int64_t>::max();
  for (int64_t splits = 1; splits <= most; splits++) {
    const int64_t time = upwards(heads * splits, multiprocessors) * longestPart(splits, keyBlocks);
    if (time < bestTime) {
      best = splits;
      bestTime = time;
    }
  }
  return best;
}

}  // namespace

void attention(Gpu& gpu, const AttentionShape& shape, const Matrix& qkv, const Matrix& documentStarts,
               const Matrix& out, const Matrix& logSumExp) {
  const AttentionParams parameters = parametersOf(gpu, shape, qkv, documentStarts, out, logSumExp);
  if (const AttentionTile* tile = tileFor(qkv.dtype, shape.headSize)) {
    gpu.launch(tile->forward, {shape.sequences * shape.heads, upwards(shape.sequenceLength, tile->queryRows)},
               parameters);
    return;
  }
  const bool bf16 = qkv.dtype == DType::bf16;
  gpu.launch(bf16 ? attentionPlainBf16 : attentionPlainF32, {upwards(shape.tokens() * shape.heads, 8)}, parameters);
}

void attentionBackward(Gpu& gpu, const AttentionShape& shape, const Matrix& qkv, const Matrix& documentStarts,
                       const Matrix& out, const Matrix& logSumExp, const Matrix& dOut, const Matrix& dQkv,
                       const Matrix& rowSums) {
  AttentionBackwardParams p{};
  p.forward = parametersOf(gpu, shape, qkv, documentStarts, out, logSumExp);
  p.rowSums = gpu.at(rowSums);
  p.dOut = gpu.at(dOut);
  p.dQkv = gpu.at(dQkv);
  p.lddOut = narrow(dOut.ld());
  p.lddQkv = narrow(dQkv.ld());
  const bool bf16 = qkv.dtype == DType::bf16;
  const Grid perHead{upwards(shape.tokens() * shape.heads, 8)};
  const Grid perRowSum{upwards(shape.tokens() * shape.heads * rowSumLanes(narrow(shape.headSize)), 256)};
  const AttentionTile* tile = tileFor(qkv.dtype, shape.headSize);
  if (tile != nullptr) {
    p.splits = narrow(splitsOf(gpu.facts.multiprocessors, shape, *tile));
    p.keyRows = tile->backwardKeyRows;
    p.dQueries = gpu.scratch(Scratch::queryGradients, static_cast<size_t>(p.splits * shape.tokens() * shape.outWidth()) * sizeof(float));
  }
  gpu.launch(bf16 ? attentionRowSumsBf16 : attentionRowSumsF32, perRowSum, p);
  if (tile != nullptr) {
    gpu.launch(tile->backward, {shape.sequences * shape.kvHeads, p.splits}, p);
    gpu.launch(attentionBackwardQueries, {upwards(shape.tokens() * shape.outWidth() / 8, 256)}, p);
    return;
  }
  gpu.launch(bf16 ? attentionPlainQueriesBf16 : attentionPlainQueriesF32, perHead, p);
  gpu.launch(bf16 ? attentionPlainKeysBf16 : attentionPlainKeysF32, {upwards(shape.tokens() * shape.kvHeads, 8)}, p);
}

void cachedAttention(Gpu& gpu, const AttentionShape& shape, int64_t capacity, const Matrix& positions,
                     const Matrix& qkv, const Matrix& cache, const Matrix& out) {
  if (shape.headSize > plainAttentionMaxHeadSize) {
    throw std::runtime_error("heads of " + std::to_string(shape.headSize) + " are wider than the cuda backend's 256");
  }
  allow(positions, {0, static_cast<int32_t>(capacity - 1)}, "position");
  const CachedAttentionParams parameters{gpu.at(qkv),
                                         gpu.at(cache),
                                         gpu.at(out),
                                         gpu.at(positions),
                                         narrow(shape.sequences),
                                         narrow(shape.sequenceLength),
                                         narrow(shape.heads),
                                         narrow(shape.kvHeads),
                                         narrow(shape.headSize),
                                         narrow(capacity),
                                         narrow(qkv.ld()),
                                         narrow(cache.ld()),
                                         narrow(out.ld())};
  const bool bf16 = qkv.dtype == DType::bf16;
  gpu.launch(bf16 ? cacheAppendBf16 : cacheAppendF32,
             {upwards(shape.tokens() * 2 * shape.kvHeads * shape.headSize, 256)}, parameters);
  gpu.launch(bf16 ? cachedAttentionBf16 : cachedAttentionF32, {shape.tokens(), shape.heads}, parameters);
}

}  // namespace apt3::cuda::operations
