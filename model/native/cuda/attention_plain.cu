// Attention without tensor cores: for head sizes that those do not take, for float32, and over the cache of generation.
// A warp computes one row; a lane holds every 32nd element of it.
#include "attention.cuh"

namespace apt3::cuda {

constexpr int plainThreads = 256;
constexpr int laneElements = plainAttentionMaxHeadSize / 32;

/** One row of a head, spread over the warp. */
struct LaneRow {
  float values[laneElements];
};

template <class T>
DEVICE LaneRow loadRow(const T* from, int headSize) {
  LaneRow row;
#pragma unroll
  for (int i = 0; i < laneElements; i++) {
    const int column = threadIndex() % 32 + 32 * i;
    row.values[i] = column < headSize ? toFloat(from[column]) : 0;
  }
  return row;
}

template <class T>
DEVICE void storeRow(T* to, const LaneRow& row, float factor, int headSize) {
#pragma unroll
  for (int i = 0; i < laneElements; i++) {
    const int column = threadIndex() % 32 + 32 * i;
    if (column < headSize) to[column] = fromFloat<T>(row.values[i] * factor);
  }
}

DEVICE float dot(const LaneRow& a, const LaneRow& b) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < laneElements; i++) sum += a.values[i] * b.values[i];
  return warpSum(sum);
}

DEVICE void addScaled(LaneRow& to, const LaneRow& row, float factor) {
#pragma unroll
  for (int i = 0; i < laneElements; i++) to.values[i] += row.values[i] * factor;
}

/** A softmax-weighted sum that takes one key after the other. */
struct RunningSoftmax {
  LaneRow sum = {};
  float largest = -infinity();
  float total = 0;

  DEVICE void add(float score, const LaneRow& value) {
    const float next = maximum(largest, score);
    const float keep = exponential(largest - next);
    const float weight = exponential(score - next);
    largest = next;
    total = total * keep + weight;
#pragma unroll
    for (int i = 0; i < laneElements; i++) sum.values[i] = sum.values[i] * keep + value.values[i] * weight;
  }
};

DEVICE float scoreScale(int headSize) { return 1.0f / squareRoot(static_cast<float>(headSize)); }

/** Which row of the batch a warp computes; `heads` warps a token. */
struct RowPlace {
  int token, head, sequence, position;
  bool exists;
};
DEVICE RowPlace rowPlace(const AttentionParams& p, int heads) {
  const int index = blockX() * (plainThreads / 32) + threadIndex() / 32;
  const int token = index / heads;
  return {token, index % heads, token / p.sequenceLength, token % p.sequenceLength,
          token < p.sequences * p.sequenceLength};
}

template <class T>
DEVICE void attentionPlain(const AttentionParams& p) {
  const RowPlace row = rowPlace(p, p.heads);
  if (!row.exists) return;
  const int kvHead = kvHeadOf(p, row.head);
  const T* qkv = pointer<const T>(p.qkv);
  const LaneRow query = loadRow(qkv + static_cast<long long>(row.token) * p.ldQkv + row.head * p.headSize, p.headSize);
  const float scale = scoreScale(p.headSize);
  RunningSoftmax softmax;
  const T* first = qkv + static_cast<long long>(row.token - row.position) * p.ldQkv;
  for (int key = firstKey(p, row.sequence, row.position); key <= row.position; key++) {
    const T* from = first + static_cast<long long>(key) * p.ldQkv;
    const float score = dot(query, loadRow(from + keyColumn(p, kvHead), p.headSize)) * scale;
    softmax.add(score, loadRow(from + valueColumn(p, kvHead), p.headSize));
  }
  T* out = pointer<T>(p.out) + static_cast<long long>(row.token) * p.ldOut + row.head * p.headSize;
  storeRow(out, softmax.sum, 1 / softmax.total, p.headSize);
  if (threadIndex() % 32 == 0)
    pointer<float>(p.logSumExp)[static_cast<long long>(row.token) * p.ldLogSumExp + row.head] =
        softmax.largest + logarithm(softmax.total);
}

KERNEL(apt3_attention_plain_bf16, AttentionParams, plainThreads, 2) { attentionPlain<bf16>(params); }
KERNEL(apt3_attention_plain_f32, AttentionParams, plainThreads, 2) { attentionPlain<float>(params); }

template <class T>
DEVICE float dotVectors(const T* a, const T* b) {
  float left[vectorSize], right[vectorSize], sum = 0;
  loadVector(left, a, vectorSize);
  loadVector(right, b, vectorSize);
#pragma unroll
  for (int i = 0; i < vectorSize; i++) sum += left[i] * right[i];
  return sum;
}

/** Σ dOut ∘ out, the part of every score's gradient that comes from its row's normalisation. */
template <class T>
DEVICE void attentionRowSums(const AttentionBackwardParams& p) {
  const AttentionParams& f = p.forward;
  const int lanes = rowSumLanes(f.headSize);
  const int lane = threadIndex() % lanes;
  const long long row = (static_cast<long long>(blockX()) * plainThreads + threadIndex()) / lanes;
  const long long token = row / f.heads;
  const int head = static_cast<int>(row % f.heads);
  const bool exists = token < static_cast<long long>(f.sequences) * f.sequenceLength;
  float sum = 0;
  if (exists) {
    const T* out = pointer<const T>(f.out) + token * f.ldOut + head * f.headSize;
    const T* dOut = pointer<const T>(p.dOut) + token * p.lddOut + head * f.headSize;
    if (f.headSize % vectorSize == 0) {
      const int column = lane * vectorSize;
      if (column < f.headSize) sum = dotVectors(out + column, dOut + column);
    } else {
      for (int column = lane; column < f.headSize; column += lanes) sum += toFloat(out[column]) * toFloat(dOut[column]);
    }
  }
  for (int mask = lanes / 2; mask > 0; mask /= 2) sum += shuffleXor(sum, mask);
  if (exists && lane == 0) pointer<float>(p.rowSums)[token * f.ldLogSumExp + head] = sum;
}

KERNEL(apt3_attention_row_sums_bf16, AttentionBackwardParams, plainThreads, 2) { attentionRowSums<bf16>(params); }
KERNEL(apt3_attention_row_sums_f32, AttentionBackwardParams, plainThreads, 2) { attentionRowSums<float>(params); }

/** Probability of a score, and its gradient for the gradient `dProbability`. */
struct ScoreGradient {
  float probability, gradient;
};
DEVICE ScoreGradient scoreGradient(const AttentionBackwardParams& p, int token, int head, float score,
                                   float dProbability) {
  const long long at = static_cast<long long>(token) * p.forward.ldLogSumExp + head;
  const float probability = exponential(score - pointer<const float>(p.forward.logSumExp)[at]);
  return {probability, probability * (dProbability - pointer<const float>(p.rowSums)[at])};
}

template <class T>
DEVICE void attentionPlainQueries(const AttentionBackwardParams& p) {
  const AttentionParams& f = p.forward;
  const RowPlace row = rowPlace(f, f.heads);
  if (!row.exists) return;
  const int kvHead = kvHeadOf(f, row.head);
  const T* qkv = pointer<const T>(f.qkv);
  const LaneRow query = loadRow(qkv + static_cast<long long>(row.token) * f.ldQkv + row.head * f.headSize, f.headSize);
  const LaneRow dOut = loadRow(
      pointer<const T>(p.dOut) + static_cast<long long>(row.token) * p.lddOut + row.head * f.headSize, f.headSize);
  const float scale = scoreScale(f.headSize);
  LaneRow sum = {};
  const T* first = qkv + static_cast<long long>(row.token - row.position) * f.ldQkv;
  for (int key = firstKey(f, row.sequence, row.position); key <= row.position; key++) {
    const T* from = first + static_cast<long long>(key) * f.ldQkv;
    const LaneRow keyRow = loadRow(from + keyColumn(f, kvHead), f.headSize);
    const float dProbability = dot(dOut, loadRow(from + valueColumn(f, kvHead), f.headSize));
    addScaled(sum, keyRow,
              scoreGradient(p, row.token, row.head, dot(query, keyRow) * scale, dProbability).gradient);
  }
  T* dQuery = pointer<T>(p.dQkv) + static_cast<long long>(row.token) * p.lddQkv + row.head * f.headSize;
  storeRow(dQuery, sum, scale, f.headSize);
}

KERNEL(apt3_attention_plain_queries_bf16, AttentionBackwardParams, plainThreads, 2) {
  attentionPlainQueries<bf16>(params);
}
KERNEL(apt3_attention_plain_queries_f32, AttentionBackwardParams, plainThreads, 2) {
  attentionPlainQueries<float>(params);
}

template <class T>
DEVICE void attentionPlainKeys(const AttentionBackwardParams& p) {
  const AttentionParams& f = p.forward;
  const RowPlace row = rowPlace(f, f.kvHeads);
  if (!row.exists) return;
  const T* qkv = pointer<const T>(f.qkv);
  const T* own = qkv + static_cast<long long>(row.token) * f.ldQkv;
  const LaneRow key = loadRow(own + keyColumn(f, row.head), f.headSize);
  const LaneRow value = loadRow(own + valueColumn(f, row.head), f.headSize);
  const float scale = scoreScale(f.headSize);
  const int group = f.heads / f.kvHeads;
  LaneRow dKey = {};
  LaneRow dValue = {};
  for (int head = row.head * group; head < (row.head + 1) * group; head++)
    for (int position = row.position; position < f.sequenceLength; position++) {
      if (firstKey(f, row.sequence, position) > row.position) continue;
      const int token = row.token - row.position + position;
      const LaneRow query = loadRow(qkv + static_cast<long long>(token) * f.ldQkv + head * f.headSize, f.headSize);
      const LaneRow dOut =
          loadRow(pointer<const T>(p.dOut) + static_cast<long long>(token) * p.lddOut + head * f.headSize, f.headSize);
      const auto [probability, gradient] = scoreGradient(p, token, head, dot(query, key) * scale, dot(dOut, value));
      addScaled(dKey, query, gradient);
      addScaled(dValue, dOut, probability);
    }
  T* to = pointer<T>(p.dQkv) + static_cast<long long>(row.token) * p.lddQkv;
  storeRow(to + keyColumn(f, row.head), dKey, scale, f.headSize);
  storeRow(to + valueColumn(f, row.head), dValue, 1, f.headSize);
}

KERNEL(apt3_attention_plain_keys_bf16, AttentionBackwardParams, plainThreads, 2) { attentionPlainKeys<bf16>(params); }
KERNEL(apt3_attention_plain_keys_f32, AttentionBackwardParams, plainThreads, 2) { attentionPlainKeys<float>(params); }

template <class T>
DEVICE void cacheAppend(const CachedAttentionParams& p) {
  const int width = 2 * p.kvHeads * p.headSize;
  const long long index = static_cast<long long>(blockX()) * plainThreads + threadIndex();
  const int token = static_cast<int>(index / width);
  const int column = static_cast<int>(index % width);
  if (token >= p.sequences * p.sequenceLength) return;
  const int position = pointer<const int>(p.positions)[token];
  if (position < 0 || position >= p.capacity) return;
  const long long row = static_cast<long long>(token / p.sequenceLength) * p.capacity + position;
  pointer<T>(p.cache)[row * p.ldCache + column] =
      pointer<const T>(p.qkv)[static_cast<long long>(token) * p.ldQkv + p.heads * p.headSize + column];
}

KERNEL(apt3_cache_append_bf16, CachedAttentionParams, plainThreads, 2) { cacheAppend<bf16>(params); }
KERNEL(apt3_cache_append_f32, CachedAttentionParams, plainThreads, 2) { cacheAppend<float>(params); }

template <class T>
DEVICE void cachedAttention(const CachedAttentionParams& p) {
  constexpr int warps = 4;
  auto* sums = reinterpret_cast<float*>(sharedMemory());
  float* largests = sums + warps * plainAttentionMaxHeadSize;
  float* totals = largests + warps;
  const int token = blockX();
  const int head = blockY();
  const int lane = threadIndex() % 32;
  const int warp = threadIndex() / 32;
  const int position = pointer<const int>(p.positions)[token];
  const int keys = position < p.capacity ? position + 1 : 0;
  const LaneRow query = loadRow(
      pointer<const T>(p.qkv) + static_cast<long long>(token) * p.ldQkv + head * p.headSize, p.headSize);
  const float scale = scoreScale(p.headSize);
  const T* cache = pointer<const T>(p.cache) +
                   static_cast<long long>(token / p.sequenceLength) * p.capacity * p.ldCache +
                   head * p.kvHeads / p.heads * p.headSize;
  RunningSoftmax softmax;
  for (int key = warp; key < keys; key += warps) {
    const T* from = cache + static_cast<long long>(key) * p.ldCache;
    const float score = dot(query, loadRow(from, p.headSize)) * scale;
    softmax.add(score, loadRow(from + p.kvHeads * p.headSize, p.headSize));
  }
#pragma unroll
  for (int i = 0; i < laneElements; i++) sums[warp * plainAttentionMaxHeadSize + lane + 32 * i] = softmax.sum.values[i];
  if (lane == 0) largests[warp] = softmax.largest, totals[warp] = softmax.total;
  syncThreads();
  float largest = -infinity();
  for (int i = 0; i < warps; i++) largest = maximum(largest, largests[i]);
  float total = 0;
  float factors[warps];
#pragma unroll
  for (int i = 0; i < warps; i++) {
    // A warp without keys has −∞ as its largest score, and counts nothing.
    factors[i] = totals[i] > 0 ? exponential(largests[i] - largest) : 0;
    total += totals[i] * factors[i];
  }
  T* out = pointer<T>(p.out) + static_cast<long long>(token) * p.ldOut + head * p.headSize;
  for (int column = threadIndex(); column < p.headSize; column += 32 * warps) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < warps; i++) sum += sums[i * plainAttentionMaxHeadSize + column] * factors[i];
    out[column] = fromFloat<T>(total > 0 ? sum / total : 0);
  }
}

KERNEL(apt3_cached_attention_bf16, CachedAttentionParams, 128, 4) { cachedAttention<bf16>(params); }
KERNEL(apt3_cached_attention_f32, CachedAttentionParams, 128, 4) { cachedAttention<float>(params); }

}  // namespace apt3::cuda
