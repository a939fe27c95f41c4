// Matrix products in three layouts, and the two that carry SwiGLU.
#include "gemm.cuh"

#include "swiglu.cuh"

namespace apt3::cuda {

/** out (+ plus) in bf16: through shared memory, so that whole rows of 16-byte chunks are written. */
template <class Config>
DEVICE void storeBf16(const GemmParams& p, const Accumulators<Config>& sums, bf16* shared, int row, int column) {
  syncThreads();  // The last fragments have been read from what is overwritten now.
  const auto* plus = pointer<const bf16>(p.plus);
  if (plus != nullptr) {
    eachStagedChunk<Config, Config::columns>([&](int i, int j) {
      copyAsync16(shared + i * Config::stagedColumns + j, plus + static_cast<long long>(row + i) * p.ldplus + column + j,
                  row + i < p.m ? validBytes(column + j, p.n) : 0);
    });
    commitCopies();
    waitCopies<0>();
    syncThreads();
  }
  stageSums<Config>(sums, shared, plus != nullptr);
  syncThreads();
  auto* out = pointer<bf16>(p.out);
  eachStagedChunk<Config, Config::columns>([&](int i, int j) {
    if (row + i < p.m && column + j < p.n)
      *reinterpret_cast<Chunk*>(out + static_cast<long long>(row + i) * p.ldout + column + j) =
          *reinterpret_cast<const Chunk*>(shared + i * Config::stagedColumns + j);
  });
}

/** out (+ plus) in float32: pairs fill whole sectors, so no detour through shared memory is needed. */
template <class Config>
DEVICE void storeFloat(const GemmParams& p, const Accumulators<Config>& sums, int row, int column) {
  const auto* plus = pointer<const float>(p.plus);
  auto* out = pointer<float>(p.out);
#pragma unroll
  for (int i = 0; i < Config::aTiles; i++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int r = row + sumRow<Config>(i) + 8 * half;
      if (r >= p.m) continue;
      // All of a row's loads go out before the first is used.
      FloatPair added[Config::bTiles];
#pragma unroll
      for (int j = 0; j < Config::bTiles; j++) {
        const int c = column + sumColumn<Config>(j);
        added[j] = {0, 0};
        if (plus != nullptr && c < p.n)
          added[j] = *reinterpret_cast<const FloatPair*>(plus + static_cast<long long>(r) * p.ldplus + c);
      }
#pragma unroll
      for (int j = 0; j < Config::bTiles; j++) {
        const int c = column + sumColumn<Config>(j);
        if (c < p.n)
          *reinterpret_cast<FloatPair*>(out + static_cast<long long>(r) * p.ldout + c) = {
              sums[i][j][2 * half] + added[j].low, sums[i][j][2 * half + 1] + added[j].high};
      }
    }
}

/**
 * Brings the float32 tile that will be added to into the L2 cache. The blocks of a gradient of one wave end together and
 * would then all wait for memory: 16 pieces are 26 µs on a 4090 at 165 TFLOP/s, in which 256 tiles of 64 KB come in [D].
 */
template <class Config>
DEVICE void prefetchPlus(const GemmParams& p, int row, int column) {
  if (!p.outFloat32 || p.plus == 0) return;
  constexpr int lineFloats = 32;
  constexpr int lines = Config::columns / lineFloats;
  for (int i = threadIndex(); i < Config::rows * lines; i += Config::threads) {
    const int r = row + i / lines;
    const int c = column + i % lines * lineFloats;
    if (r < p.m && c < p.n) prefetch(pointer<const float>(p.plus) + static_cast<long long>(r) * p.ldplus + c);
  }
}

template <class Config, bool aByK, bool bByK>
DEVICE void gemm(const GemmParams& p) {
  auto* shared = reinterpret_cast<bf16*>(sharedMemory());
  const TilePlace tile = tilePlace(blockX(), divideUp(p.m, Config::rows), divideUp(p.n, Config::columns));
  const int row = tile.row * Config::rows;
  const int column = tile.column * Config::columns;
  const Operand a{pointer<const bf16>(p.a) + (aByK ? row : static_cast<long long>(row) * p.lda), p.lda, p.m - row};
  const bf16* b = pointer<const bf16>(p.b) + (bByK ? column : static_cast<long long>(column) * p.ldb);
  Accumulators<Config> sums;
  multiplyTile<Config, aByK, bByK>(sums, shared, a, p.k, [&](bf16* to, int at) {
    if constexpr (bByK) {
      copyTile<Config::depth, Config::columns, Config::threads>(to, b + static_cast<long long>(at) * p.ldb, p.ldb,
                                                                p.k - at, p.n - column);
    } else {
      copyTile<Config::columns, Config::depth, Config::threads>(to, b + at, p.ldb, p.n - column, p.k - at);
    }
  }, [&] {
    // Only this layout gives gradients of weights; the others have no register left for it.
    if constexpr (aByK && bByK) prefetchPlus<Config>(p, row, column);
  });
  if (p.outFloat32) {
    storeFloat<Config>(p, sums, row, column);
  } else {
    storeBf16<Config>(p, sums, shared, row, column);
  }
}

using Large = GemmConfig<128, 128, 3>;
using Tall = GemmConfig<128, 64, 4>;
using Small = GemmConfig<64, 64, 4>;

KERNEL(apt3_gemm_nt_128x128, GemmParams, 128, 2) { gemm<Large, false, false>(params); }
KERNEL(apt3_gemm_nn_128x128, GemmParams, 128, 2) { gemm<Large, false, true>(params); }
KERNEL(apt3_gemm_tn_128x128, GemmParams, 128, 2) { gemm<Large, true, true>(params); }
KERNEL(apt3_gemm_nt_128x64, GemmParams, 128, 2) { gemm<Tall, false, false>(params); }
KERNEL(apt3_gemm_nn_128x64, GemmParams, 128, 2) { gemm<Tall, false, true>(params); }
KERNEL(apt3_gemm_tn_128x64, GemmParams, 128, 2) { gemm<Tall, true, true>(params); }
KERNEL(apt3_gemm_nt_64x64, GemmParams, 128, 3) { gemm<Small, false, false>(params); }
KERNEL(apt3_gemm_nn_64x64, GemmParams, 128, 3) { gemm<Small, false, true>(params); }
KERNEL(apt3_gemm_tn_64x64, GemmParams, 128, 3) { gemm<Small, true, true>(params); }

/**
 * The block's 128 columns are 64 gates and the 64 ups of the same features. In b's tile each warp's 64 rows are 32
 * gates and their 32 ups; in the staged tile the gates lie left and the ups right.
 */
KERNEL(apt3_gemm_swiglu, GemmSwigluParams, 128, 2) {
  using Config = Large;
  constexpr int features = Config::columns / 2;
  constexpr int part = Config::warpColumns / 2;
  const GemmSwigluParams& p = params;
  auto* shared = reinterpret_cast<bf16*>(sharedMemory());
  const TilePlace tile = tilePlace(blockX(), divideUp(p.m, Config::rows), divideUp(p.features, features));
  const int row = tile.row * Config::rows;
  const int column = tile.column * features;
  const Operand a{pointer<const bf16>(p.a) + static_cast<long long>(row) * p.lda, p.lda, p.m - row};
  const bf16* gates = pointer<const bf16>(p.b) + static_cast<long long>(column) * p.ldb;
  const bf16* ups = gates + static_cast<long long>(p.features) * p.ldb;
  Accumulators<Config> sums;
  multiplyTile<Config, false, false>(sums, shared, a, p.k, [&](bf16* to, int at) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int first = i / 2 * part;
      copyTile<part, Config::depth, Config::threads>(to + i * part * Config::depth,
                                                     (i % 2 == 0 ? gates : ups) + static_cast<long long>(first) * p.ldb + at,
                                                     p.ldb, p.features - column - first, p.k - at);
    }
  }, [] {});
  syncThreads();
  stageSums<Config>(sums, shared, false);
  syncThreads();
  auto* gateUp = pointer<bf16>(p.gateUp);
  auto* hidden = pointer<bf16>(p.hidden);
  eachStagedChunk<Config, features>([&](int i, int j) {
    const int count = smaller(vectorSize, p.features - column - j);
    if (row + i >= p.m || count <= 0) return;
    const bf16* staged = shared + i * Config::stagedColumns + j / part * Config::warpColumns + j % part;
    float gate[8], up[8], product[8];
    loadVector(gate, staged, count);
    loadVector(up, staged + part, count);
#pragma unroll
    for (int e = 0; e < vectorSize; e++) product[e] = swiglu(gate[e], up[e]);
    bf16* to = gateUp + static_cast<long long>(row + i) * p.ldGateUp + column + j;
    storeAnywhere(to, gate, count);
    storeAnywhere(to + p.features, up, count);
    storeVector(hidden + static_cast<long long>(row + i) * p.ldHidden + column + j, product, count);
  });
}

KERNEL(apt3_gemm_swiglu_backward, GemmSwigluBackwardParams, 128, 2) {
  using Config = Large;
  const GemmSwigluBackwardParams& p = params;
  auto* shared = reinterpret_cast<bf16*>(sharedMemory());
  const TilePlace tile = tilePlace(blockX(), divideUp(p.m, Config::rows), divideUp(p.features, Config::columns));
  const int row = tile.row * Config::rows;
  const int column = tile.column * Config::columns;
  const Operand a{pointer<const bf16>(p.dOut) + static_cast<long long>(row) * p.lddOut, p.lddOut, p.m - row};
  const bf16* b = pointer<const bf16>(p.weight) + column;
  Accumulators<Config> sums;
  multiplyTile<Config, false, true>(sums, shared, a, p.k, [&](bf16* to, int at) {
    copyTile<Config::depth, Config::columns, Config::threads>(to, b + static_cast<long long>(at) * p.ldWeight,
                                                              p.ldWeight, p.k - at, p.features - column);
  }, [] {});
  syncThreads();
  stageSums<Config>(sums, shared, false);
  syncThreads();
  const auto* gateUp = pointer<const bf16>(p.gateUp);
  auto* dGateUp = pointer<bf16>(p.dGateUp);
  eachStagedChunk<Config, Config::columns>([&](int i, int j) {
    const int count = smaller(vectorSize, p.features - column - j);
    if (row + i >= p.m || count <= 0) return;
    const bf16* from = gateUp + static_cast<long long>(row + i) * p.ldGateUp + column + j;
    bf16* to = dGateUp + static_cast<long long>(row + i) * p.lddGateUp + column + j;
    float gate[8], up[8], gradient[8], dGate[8], dUp[8];
    loadAnywhere(gate, from, count);
    loadAnywhere(up, from + p.features, count);
    loadVector(gradient, shared + i * Config::stagedColumns + j, count);
#pragma unroll
    for (int e = 0; e < vectorSize; e++) swigluGradient(gate[e], up[e], gradient[e], dGate[e], dUp[e]);
    storeAnywhere(to, dGate, count);
    storeAnywhere(to + p.features, dUp, count);
  });
}

/** 32×32 results a block, 4 a thread. */
KERNEL(apt3_gemm_f32, GemmFloatParams, 256, 2) {
  constexpr int size = 32;
  constexpr int pitch = size + 1;
  const GemmFloatParams& p = params;
  auto* a = reinterpret_cast<float*>(sharedMemory());
  float* b = a + size * pitch;
  const int column = threadIndex() % size;
  const int firstRow = threadIndex() / size;
  const int rowOrigin = blockY() * size;
  const int columnOrigin = blockX() * size;
  const auto* from = pointer<const float>(p.a);
  const auto* with = pointer<const float>(p.b);
  float sums[4] = {0, 0, 0, 0};
  for (int at = 0; at < p.k; at += size) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int row = firstRow + 8 * i;
      // a's tile is stored k by rows, b's k by columns: lanes then read a's value together and b's side by side.
      a[row * pitch + column] = rowOrigin + row < p.m && at + column < p.k
                                    ? from[(rowOrigin + row) * p.aRow + (at + column) * p.aColumn]
                                    : 0;
      b[row * pitch + column] = at + row < p.k && columnOrigin + column < p.n
                                    ? with[(at + row) * p.bRow + (columnOrigin + column) * p.bColumn]
                                    : 0;
    }
    syncThreads();
    for (int k = 0; k < size; k++)
#pragma unroll
      for (int i = 0; i < 4; i++) sums[i] += a[(firstRow + 8 * i) * pitch + k] * b[k * pitch + column];
    syncThreads();
  }
  const auto* plus = pointer<const float>(p.plus);
  auto* out = pointer<float>(p.out);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const long long row = rowOrigin + firstRow + 8 * i;
    const int c = columnOrigin + column;
    if (row < p.m && c < p.n) out[row * p.ldout + c] = sums[i] + (plus != nullptr ? plus[row * p.ldplus + c] : 0);
  }
}

}  // namespace apt3::cuda
