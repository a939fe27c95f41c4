// Softmax cross-entropy, one row of logits a block; nothing but the row itself is stored.
#include "memory.cuh"

namespace apt3::cuda {

constexpr int lossThreads = 512;
constexpr int lossWarps = lossThreads / 32;

/** Each warp's value, joined in the order of the warps. `place` holds one float a warp. */
template <class Join>
DEVICE float joinWarps(float value, float* place, const Join& join) {
  if (threadIndex() % 32 == 0) place[threadIndex() / 32] = value;
  syncThreads();
  float all = place[0];
#pragma unroll
  for (int warp = 1; warp < lossWarps; warp++) all = join(all, place[warp]);
  return all;
}

template <class T>
DEVICE void crossEntropy(const CrossEntropyParams& p) {
  auto* places = reinterpret_cast<float*>(sharedMemory());
  const int row = blockX();
  const int thread = threadIndex();
  constexpr int step = lossThreads * vectorSize;
  T* logits = pointer<T>(p.logits) + static_cast<long long>(row) * p.ldLogits;
  float* rowLoss = pointer<float>(p.rowLosses) + 2LL * row;
  const int target = pointer<const int>(p.targets)[row];
  const float none[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  if (target < 0 || target >= p.columns) {
    if (thread == 0) rowLoss[0] = -1, rowLoss[1] = 0;
    if (p.gradientScale == 0) return;
    for (int column = thread * vectorSize; column < p.ldLogits; column += step) storeVector(logits + column, none, 8);
    return;
  }
  // Read before anything is overwritten: barriers follow.
  const float targetLogit = toFloat(logits[target]);

  float largest = -infinity();
  // Ranked first: no larger logit, and no equal one with a smaller id.
  float beaten = 0;
  for (int column = thread * vectorSize; column < p.columns; column += step) {
    float values[8];
    loadVector(values, logits + column, p.columns - column);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) {
      if (column + i >= p.columns) continue;
      largest = maximum(largest, values[i]);
      if (values[i] > targetLogit || (values[i] == targetLogit && column + i < target)) beaten = 1;
    }
  }
  const auto greater = [](float a, float b) { return maximum(a, b); };
  const auto add = [](float a, float b) { return a + b; };
  largest = joinWarps(warpMaximum(largest), places, greater);
  beaten = joinWarps(warpMaximum(beaten), places + lossWarps, greater);

  float others = 0;
  for (int column = thread * vectorSize; column < p.columns; column += step) {
    float values[8];
    loadVector(values, logits + column, p.columns - column);
#pragma unroll
    for (int i = 0; i < vectorSize; i++)
      if (column + i < p.columns && column + i != target) others += exponential(values[i] - largest);
  }
  others = joinWarps(warpSum(others), places + 2 * lossWarps, add);
  const float sum = others + exponential(targetLogit - largest);
  if (thread == 0) rowLoss[0] = logarithm(sum) + largest - targetLogit, rowLoss[1] = 1 - beaten;
  if (p.gradientScale == 0) return;

  const float factor = p.gradientScale / sum;
  for (int column = thread * vectorSize; column < p.ldLogits; column += step) {
    float values[8];
    loadVector(values, logits + column, p.columns - column);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) {
      // Probability minus one is −(the others' sum)/(the whole sum): exact where the probability is nearly one.
      values[i] = column + i == target ? -others * factor : exponential(values[i] - largest) * factor;
    }
    storeVector(logits + column, values, p.columns - column);
  }
}

KERNEL(apt3_cross_entropy_bf16, CrossEntropyParams, lossThreads, 2) { crossEntropy<bf16>(params); }
KERNEL(apt3_cross_entropy_f32, CrossEntropyParams, lossThreads, 2) { crossEntropy<float>(params); }

/** One block: each thread adds every 256th row in float64, then the threads' sums are added pairwise. */
KERNEL(apt3_cross_entropy_sums, CrossEntropyParams, 256, 1) {
  const CrossEntropyParams& p = params;
  auto* places = reinterpret_cast<double*>(sharedMemory());
  const int thread = threadIndex();
  double loss = 0, hits = 0, targets = 0;
  for (int row = thread; row < p.rows; row += 256) {
    const float* rowLoss = pointer<const float>(p.rowLosses) + 2LL * row;
    if (rowLoss[0] == -1) continue;
    loss += rowLoss[0];
    hits += rowLoss[1];
    targets += 1;
  }
  places[thread] = loss;
  places[256 + thread] = hits;
  places[512 + thread] = targets;
  for (int half = 128; half > 0; half /= 2) {
    syncThreads();
    if (thread >= half) continue;
#pragma unroll
    for (int i = 0; i < 3; i++) places[256 * i + thread] += places[256 * i + thread + half];
  }
  syncThreads();
  if (thread < 3) {
    float* sums = pointer<float>(p.sums);
    sums[thread] = static_cast<float>(sums[thread] + places[256 * thread]);
  }
}

}  // namespace apt3::cuda
