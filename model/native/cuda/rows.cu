// Operations that go through a matrix row by row: RMSNorm, rotary positions, SwiGLU, copies.
#include "swiglu.cuh"

namespace apt3::cuda {

constexpr int rowThreads = 256;
constexpr int rowWarps = rowThreads / 32;

template <class T>
DEVICE void rmsNorm(const RmsNormParams& p) {
  const int row = blockX() * rowWarps + threadIndex() / 32;
  if (row >= p.rows) return;
  const int lane = threadIndex() % 32;
  const float* x = pointer<const float>(p.x) + static_cast<long long>(row) * p.ldx;
  const float* gain = pointer<const float>(p.gain);
  T* out = pointer<T>(p.out) + static_cast<long long>(row) * p.ldout;
  float sum = 0;
#pragma unroll 4
  for (int column = lane * vectorSize; column < p.columns; column += 32 * vectorSize) {
    float values[8];
    loadVector(values, x + column, p.columns - column);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) sum += values[i] * values[i];
  }
  const float scale = 1.0f / squareRoot(warpSum(sum) / static_cast<float>(p.columns) + p.epsilon);
  if (lane == 0) pointer<float>(p.scale)[static_cast<long long>(row) * p.ldScale] = scale;
  // The second reading of the row (8 KB at 2048 columns) comes from the L1 cache.
#pragma unroll 4
  for (int column = lane * vectorSize; column < p.columns; column += 32 * vectorSize) {
    float values[8], gains[8];
    loadVector(values, x + column, p.columns - column);
    loadVector(gains, gain + column, p.columns - column);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) values[i] = values[i] * scale * gains[i];
    storeVector(out + column, values, p.columns - column);
  }
}

KERNEL(apt3_rms_norm_bf16, RmsNormParams, rowThreads, 4) { rmsNorm<bf16>(params); }
KERNEL(apt3_rms_norm_f32, RmsNormParams, rowThreads, 4) { rmsNorm<float>(params); }

/** Eight float32 sums of a thread in shared memory, in two places: neighbours' chunks then lie side by side in the banks. */
DEVICE void loadSums(float (&to)[8], const float* sums, int column, int columns) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const Chunk chunk = *reinterpret_cast<const Chunk*>(sums + half * divideUp(columns, 8) * 4 + column / 2);
#pragma unroll
    for (int i = 0; i < 4; i++) to[4 * half + i] = asFloat(chunk.words[i]);
  }
}
DEVICE void storeSums(float* sums, const float (&from)[8], int column, int columns) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    Chunk chunk;
#pragma unroll
    for (int i = 0; i < 4; i++) chunk.words[i] = asBits(from[4 * half + i]);
    *reinterpret_cast<Chunk*>(sums + half * divideUp(columns, 8) * 4 + column / 2) = chunk;
  }
}

/**
 * With s the scale and g = gain ∘ dOut: dX += s·g − x·s³·mean(x∘g). A thread owns the same columns in every row of the
 * block, so its part of dGain needs no other thread; it lies in shared memory since registers would bound the columns.
 * One barrier a row: the warps' parts of mean(x∘g) alternate between two places.
 */
template <class T>
DEVICE void rmsNormBackward(const RmsNormBackwardParams& p) {
  auto* dots = reinterpret_cast<float*>(sharedMemory());
  float* gainSums = dots + 2 * rowWarps;
  const int thread = threadIndex();
  const float* gain = pointer<const float>(p.gain);
  constexpr int step = rowThreads * vectorSize;
  const float none[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  for (int column = thread * vectorSize; column < p.columns; column += step) storeSums(gainSums, none, column, p.columns);

  const int first = blockX() * p.rowsPerBlock;
  const int end = smaller(p.rows, first + p.rowsPerBlock);
  for (int row = first; row < end; row++) {
    const float* x = pointer<const float>(p.x) + static_cast<long long>(row) * p.ldx;
    const T* dOut = pointer<const T>(p.dOut) + static_cast<long long>(row) * p.lddOut;
    float* dX = pointer<float>(p.dX) + static_cast<long long>(row) * p.lddX;
    const float scale = pointer<const float>(p.scale)[static_cast<long long>(row) * p.ldScale];
    float dot = 0;
    for (int column = thread * vectorSize; column < p.columns; column += step) {
      float values[8], gradients[8], gains[8], sums[8];
      loadVector(values, x + column, p.columns - column);
      loadVector(gradients, dOut + column, p.columns - column);
      loadVector(gains, gain + column, p.columns - column);
      loadSums(sums, gainSums, column, p.columns);
#pragma unroll
      for (int i = 0; i < vectorSize; i++) {
        const float product = values[i] * gradients[i];
        dot += product * gains[i];
        sums[i] += product * scale;
      }
      storeSums(gainSums, sums, column, p.columns);
    }
    dot = warpSum(dot);
    float* place = dots + row % 2 * rowWarps;
    if (thread % 32 == 0) place[thread / 32] = dot;
    syncThreads();
    float total = 0;
#pragma unroll
    for (int warp = 0; warp < rowWarps; warp++) total += place[warp];
    const float pull = scale * scale * scale * total / static_cast<float>(p.columns);
    for (int column = thread * vectorSize; column < p.columns; column += step) {
      float values[8], gradients[8], gains[8], sums[8];
      loadVector(values, x + column, p.columns - column);
      loadVector(gradients, dOut + column, p.columns - column);
      loadVector(gains, gain + column, p.columns - column);
      loadVector(sums, dX + column, p.columns - column);
#pragma unroll
      for (int i = 0; i < vectorSize; i++) sums[i] += gains[i] * scale * gradients[i] - values[i] * pull;
      storeVector(dX + column, sums, p.columns - column);
    }
  }
  float* partials = pointer<float>(p.partials) + static_cast<long long>(blockX()) * p.ldPartials;
  for (int column = thread * vectorSize; column < p.columns; column += step) {
    float sums[8];
    loadSums(sums, gainSums, column, p.columns);
    storeVector(partials + column, sums, 8);
  }
}

KERNEL(apt3_rms_norm_backward_bf16, RmsNormBackwardParams, rowThreads, 2) { rmsNormBackward<bf16>(params); }
KERNEL(apt3_rms_norm_backward_f32, RmsNormBackwardParams, rowThreads, 2) { rmsNormBackward<float>(params); }

/** 32 columns a block; each of its 8 warps adds a run of the partial rows, then the runs are added in order. */
KERNEL(apt3_rms_norm_gain, RmsNormBackwardParams, rowThreads, 2) {
  const RmsNormBackwardParams& p = params;
  auto* runs = reinterpret_cast<float*>(sharedMemory());
  const int lane = threadIndex() % 32;
  const int warp = threadIndex() / 32;
  const int column = blockX() * 32 + lane;
  const int size = divideUp(p.blocks, rowWarps);
  float sum = 0;
  if (column < p.columns)
    for (int block = warp * size; block < smaller(p.blocks, (warp + 1) * size); block++)
      sum += pointer<const float>(p.partials)[static_cast<long long>(block) * p.ldPartials + column];
  runs[warp * 32 + lane] = sum;
  syncThreads();
  if (warp > 0 || column >= p.columns) return;
  float total = 0;
#pragma unroll
  for (int i = 0; i < rowWarps; i++) total += runs[i * 32 + lane];
  pointer<float>(p.dGain)[column] += total;
}

/** A thread rotates up to 8 pairs (i, i + headSize/2) of one head. */
template <class T>
DEVICE void rope(const RopeParams& p) {
  const int half = p.headSize / 2;
  const int parts = divideUp(half, vectorSize);
  const int index = blockX() * rowThreads + threadIndex();
  const int first = index % parts * vectorSize;
  const int head = index / parts % p.heads;
  const int row = index / parts / p.heads;
  if (row >= p.rows) return;
  const int count = smaller(vectorSize, half - first);
  const float* cosines =
      pointer<const float>(p.table) + static_cast<long long>(pointer<const int>(p.positions)[row]) * p.ldTable + first;
  T* low = pointer<T>(p.x) + static_cast<long long>(row) * p.ldx + head * p.headSize + first;
  T* high = low + half;
  float c[8], s[8], a[8], b[8], rotatedA[8], rotatedB[8];
  loadAnywhere(c, cosines, count);
  loadAnywhere(s, cosines + half, count);
  loadAnywhere(a, low, count);
  loadAnywhere(b, high, count);
#pragma unroll
  for (int i = 0; i < vectorSize; i++) {
    const float sine = s[i] * p.direction;
    rotatedA[i] = a[i] * c[i] - b[i] * sine;
    rotatedB[i] = b[i] * c[i] + a[i] * sine;
  }
  storeAnywhere(low, rotatedA, count);
  storeAnywhere(high, rotatedB, count);
}

KERNEL(apt3_rope_bf16, RopeParams, rowThreads, 4) { rope<bf16>(params); }
KERNEL(apt3_rope_f32, RopeParams, rowThreads, 4) { rope<float>(params); }

/** The columns of this thread in an elementwise kernel with grid {divideUp(divideUp(columns, 8), 256), rows}. */
DEVICE int ownColumn() { return (blockX() * rowThreads + threadIndex()) * vectorSize; }

template <class T>
DEVICE void swigluForward(const SwigluParams& p) {
  const int column = ownColumn();
  const int count = smaller(vectorSize, p.features - column);
  for (int row = blockY(); row < p.rows && count > 0; row += gridY()) {
    const T* gates = pointer<const T>(p.gateUp) + static_cast<long long>(row) * p.ldGateUp + column;
    float gate[8], up[8];
    loadAnywhere(gate, gates, count);
    loadAnywhere(up, gates + p.features, count);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) gate[i] = swiglu(gate[i], up[i]);
    storeVector(pointer<T>(p.out) + static_cast<long long>(row) * p.ldout + column, gate, count);
  }
}

KERNEL(apt3_swiglu_bf16, SwigluParams, rowThreads, 4) { swigluForward<bf16>(params); }
KERNEL(apt3_swiglu_f32, SwigluParams, rowThreads, 4) { swigluForward<float>(params); }

template <class T>
DEVICE void swigluBackward(const SwigluBackwardParams& p) {
  const int column = ownColumn();
  const int count = smaller(vectorSize, p.features - column);
  for (int row = blockY(); row < p.rows && count > 0; row += gridY()) {
    const T* gates = pointer<const T>(p.gateUp) + static_cast<long long>(row) * p.ldGateUp + column;
    T* dGates = pointer<T>(p.dGateUp) + static_cast<long long>(row) * p.lddGateUp + column;
    float gate[8], up[8], gradient[8], dGate[8], dUp[8];
    loadAnywhere(gate, gates, count);
    loadAnywhere(up, gates + p.features, count);
    loadVector(gradient, pointer<const T>(p.dOut) + static_cast<long long>(row) * p.lddOut + column, count);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) swigluGradient(gate[i], up[i], gradient[i], dGate[i], dUp[i]);
    storeAnywhere(dGates, dGate, count);
    storeAnywhere(dGates + p.features, dUp, count);
  }
}

KERNEL(apt3_swiglu_backward_bf16, SwigluBackwardParams, rowThreads, 4) { swigluBackward<bf16>(params); }
KERNEL(apt3_swiglu_backward_f32, SwigluBackwardParams, rowThreads, 4) { swigluBackward<float>(params); }

template <class From, class To>
DEVICE void convert(const ConvertParams& p) {
  const int column = ownColumn();
  const int count = smaller(vectorSize, p.columns - column);
  for (int row = blockY(); row < p.rows && count > 0; row += gridY()) {
    float values[8];
    loadVector(values, pointer<const From>(p.from) + static_cast<long long>(row) * p.ldFrom + column, count);
    storeVector(pointer<To>(p.to) + static_cast<long long>(row) * p.ldTo + column, values, count);
  }
}

KERNEL(apt3_convert_bf16_bf16, ConvertParams, rowThreads, 4) { convert<bf16, bf16>(params); }
KERNEL(apt3_convert_bf16_f32, ConvertParams, rowThreads, 4) { convert<bf16, float>(params); }
KERNEL(apt3_convert_f32_bf16, ConvertParams, rowThreads, 4) { convert<float, bf16>(params); }
KERNEL(apt3_convert_f32_f32, ConvertParams, rowThreads, 4) { convert<float, float>(params); }

}  // namespace apt3::cuda
