#pragma once
/**
 * The interface between the CUDA kernels and whoever launches them: for every kernel its name, its one parameter struct
 * (passed by value, so a launch needs a name, a pointer and a size), its block size and its dynamic shared memory.
 * Plain C++ without any include: nvcc, NVRTC and the host's compiler read the same file.
 *
 * Rules that hold for every kernel:
 * - A matrix is row-major with a leading dimension `ld…` in elements. Leading dimensions are multiples of 8 elements and
 *   addresses multiples of 16 bytes, so that 16-byte chunks never straddle rows; the columns behind the matrix are
 *   padding. Padding holds zeros (the host clears a buffer when it makes it) and kernels leave it so.
 * - Sums run in float32. No kernel uses atomics: the same launch on the same input gives the same bits.
 * - One-dimensional blocks. Grids are `{x, y, z}`; an unnamed dimension is 1. Where no element is left nothing is
 *   launched: every grid dimension is at least 1 and every size at least 1 unless a comment says otherwise.
 * - `…_bf16` and `…_f32` kernels differ in the element type of weights and activations only.
 */

namespace apt3::cuda {

/** What the driver calls CUdeviceptr. */
using DeviceAddress = unsigned long long;

/** What a launch must know. `sharedBytes` is what the kernel always needs; some add a run-time part (see there). */
struct Kernel {
  const char* name;
  unsigned threads;
  unsigned sharedBytes;
};

#if defined(__CUDACC__)
#define APT3_EVERYWHERE __host__ __device__
#else
#define APT3_EVERYWHERE
#endif

APT3_EVERYWHERE constexpr int divideUp(int value, int by) { return (value + by - 1) / by; }

// ---------------------------------------------------------------------------------------------------------- gemm.cu

/**
 * out = op(a) · op(b) (+ plus): nt: a[m,k] · b[n,k]ᵀ, nn: a[m,k] · b[k,n], tn: a[k,m]ᵀ · b[k,n]. Operands are bf16 and
 * the sum is float32. `out` and `plus` are bf16, or float32 if `outFloat32` (gradients of weights: plus = out adds to
 * them). `plus` is 0 for none, or `out` itself, or another matrix of out's type and shape. Any m, n, k ≥ 1: edges are
 * filled with zeros on the way into shared memory.
 */
struct GemmParams {
  DeviceAddress a, b, out, plus;
  int m, n, k;
  int lda, ldb, ldout, ldplus;
  int outFloat32;
};

/** The same for float32 operands and results on the plain cores (the f32 compute type: for checks, not for speed). */
struct GemmFloatParams {
  DeviceAddress a, b, out, plus;
  int m, n, k;
  /** Element (row, column) of op(a), m×k, is a[row · aRow + column · aColumn]; op(b), k×n, likewise. */
  long long aRow, aColumn, bRow, bColumn;
  int ldout, ldplus;
};

/** Grid {divideUp(m, rows) · divideUp(n, columns)}: blocks walk the tiles in an order that is kind to the L2 cache. */
struct GemmTile {
  int rows, columns;
  Kernel nt, nn, tn;
};

/** From the largest to the smallest: take the largest that still gives about one block for each multiprocessor. */
inline constexpr GemmTile gemmTiles[] = {
    {128, 128, {"apt3_gemm_nt_128x128", 128, 49152}, {"apt3_gemm_nn_128x128", 128, 49152}, {"apt3_gemm_tn_128x128", 128, 49152}},
    {128, 64, {"apt3_gemm_nt_128x64", 128, 49152}, {"apt3_gemm_nn_128x64", 128, 49152}, {"apt3_gemm_tn_128x64", 128, 49152}},
    {64, 64, {"apt3_gemm_nt_64x64", 128, 32768}, {"apt3_gemm_nn_64x64", 128, 32768}, {"apt3_gemm_tn_64x64", 128, 32768}},
};

/** GemmFloatParams. Grid {divideUp(n, 32), divideUp(m, 32)}. */
inline constexpr Kernel gemmFloat{"apt3_gemm_f32", 256, 2 * 32 * 33 * 4};

/**
 * The MLP's way in, fused: gateUp[m, 2·features] = a[m,k] · b[2·features,k]ᵀ (gate rows of b first, then up rows) and
 * hidden[m, features] = silu(gate) · up, from the bf16-rounded gate and up, so that it equals the two separate kernels
 * bit for bit. Grid {divideUp(m, 128) · divideUp(features, 64)}.
 */
struct GemmSwigluParams {
  DeviceAddress a, b, gateUp, hidden;
  int m, features, k;
  int lda, ldb, ldGateUp, ldHidden;
};
inline constexpr Kernel gemmSwiglu{"apt3_gemm_swiglu", 128, 49152};

/**
 * The MLP's way back, fused: with dHidden[m, features] = dOut[m,k] · weight[k, features] (rounded to bf16, never
 * stored), dGateUp = the gradient of SwiGLU at gateUp. `dGateUp` may be `gateUp` itself.
 * Grid {divideUp(m, 128) · divideUp(features, 128)}.
 */
struct GemmSwigluBackwardParams {
  DeviceAddress dOut, weight, gateUp, dGateUp;
  int m, features, k;
  int lddOut, ldWeight, ldGateUp, lddGateUp;
};
inline constexpr Kernel gemmSwigluBackward{"apt3_gemm_swiglu_backward", 128, 49152};

// ------------------------------------------------------------------------------------------------------- fragments.cu

/**
 * One warp shows how it sees a tile: what a card must be asked first. `tile` is bf16 [32, 8], four 8×8 matrices below
 * each other; `a` bf16 [16, 16] and `b` bf16 [16, 8] in full rows without padding. `out` takes, for each lane, 4 registers
 * of ldmatrix, 4 of ldmatrix.trans (32-bit integers) and 4 float32 sums of a · b. Grid {1}.
 */
struct FragmentParams {
  DeviceAddress tile, a, b, out;
};
inline constexpr Kernel fragments{"apt3_fragments", 32, 32 * 8 * 2};

// ----------------------------------------------------------------------------- attention.cu, attention_backward.cu

/** Queries, keys and values side by side: a row of `qkv` is (heads + 2·kvHeads)·headSize wide. */
struct AttentionParams {
  DeviceAddress qkv;
  /** i32 [tokens]: first visible position of each token's sequence; 0: none, every earlier token is visible. */
  DeviceAddress documentStarts;
  DeviceAddress out;
  /** f32 [tokens, ldLogSumExp], one column a head. */
  DeviceAddress logSumExp;
  int sequences, sequenceLength, heads, kvHeads, headSize;
  int ldQkv, ldOut, ldLogSumExp;
};

/**
 * Tensor-core attention for bf16 with headSize % 8 == 0 and headSize ≤ maxHeadSize (faster the nearer it is to that).
 * Forward: grid {sequences · heads, divideUp(sequenceLength, queryRows)}.
 */
struct AttentionTile {
  int maxHeadSize, queryRows;
  Kernel forward;
  /** Backward: keys a block owns, and queries it takes at a time. */
  int backwardKeyRows, backwardQueryRows;
  Kernel backward;
};
inline constexpr AttentionTile attentionTiles[] = {
    {64, 128, {"apt3_attention_64", 128, 49152}, 128, 64, {"apt3_attention_backward_64", 256, 83456}},
    {128, 64, {"apt3_attention_128", 128, 81920}, 64, 32, {"apt3_attention_backward_128", 128, 70400}},
};

/**
 * The backward pass is three launches on one stream:
 * 1. `attentionRowSums`: rowSums = Σ dOut ∘ out of each token and head.
 * 2. the tile's `backward`: writes dK and dV into dQkv, and float32 partial dQ into `dQueries`, which holds
 *    [splits, tokens, heads · headSize] floats (the workspace; nothing needs clearing). Block (x, y) is kv head x of a
 *    sequence and takes the key blocks y, 2·splits − 1 − y, 2·splits + y, … so that long and short ones even out.
 *    Grid {sequences · kvHeads, splits}, splits from 1 to divideUp(sequenceLength, backwardKeyRows).
 * 3. `attentionBackwardQueries`: adds the partial sums in order into the dQ columns of dQkv.
 */
struct AttentionBackwardParams {
  AttentionParams forward;
  /** f32 [tokens, ldLogSumExp]. */
  DeviceAddress rowSums;
  DeviceAddress dOut, dQkv;
  DeviceAddress dQueries;
  int lddOut, lddQkv;
  int splits;
  /** backwardKeyRows of the tile: which splits touched a row follows from it. */
  int keyRows;
};
/** Lanes that share a row sum: of 16-byte aligned heads each takes 8 elements. */
APT3_EVERYWHERE constexpr int rowSumLanes(int headSize) {
  if (headSize % 8 != 0) return 32;
  int lanes = 1;
  while (8 * lanes < headSize) lanes *= 2;
  return lanes;
}
/** AttentionBackwardParams. Grid {divideUp(tokens · heads · rowSumLanes(headSize), 256)}. */
inline constexpr Kernel attentionRowSumsBf16{"apt3_attention_row_sums_bf16", 256, 0};
inline constexpr Kernel attentionRowSumsF32{"apt3_attention_row_sums_f32", 256, 0};
/** AttentionBackwardParams. Grid {divideUp(tokens · heads · headSize / 8, 256)}. */
inline constexpr Kernel attentionBackwardQueries{"apt3_attention_backward_queries", 256, 0};

/**
 * Plain attention for every other head size (any ≤ 256) and for float32, one warp a row; no workspace.
 * `attentionPlain…` (AttentionParams): grid {divideUp(tokens · heads, 8)}.
 * Backward (AttentionBackwardParams without dQueries, splits, keyRows), after `attentionRowSums…`:
 * `…PlainQueries…` with grid {divideUp(tokens · heads, 8)} and `…PlainKeys…` with grid {divideUp(tokens · kvHeads, 8)}.
 */
inline constexpr int plainAttentionMaxHeadSize = 256;
inline constexpr Kernel attentionPlainBf16{"apt3_attention_plain_bf16", 256, 0};
inline constexpr Kernel attentionPlainF32{"apt3_attention_plain_f32", 256, 0};
inline constexpr Kernel attentionPlainQueriesBf16{"apt3_attention_plain_queries_bf16", 256, 0};
inline constexpr Kernel attentionPlainQueriesF32{"apt3_attention_plain_queries_f32", 256, 0};
inline constexpr Kernel attentionPlainKeysBf16{"apt3_attention_plain_keys_bf16", 256, 0};
inline constexpr Kernel attentionPlainKeysF32{"apt3_attention_plain_keys_f32", 256, 0};

/**
 * Attention of new tokens over a cache, headSize ≤ 256, in two launches: `cacheAppend…` stores each token's key and
 * value in row sequence · capacity + position of `cache` [sequences · capacity, ldCache]; `cachedAttention…` reads.
 * A position outside 0…capacity−1 stores nothing and gives zeros: the host checks positions when it is given them.
 */
struct CachedAttentionParams {
  DeviceAddress qkv, cache, out;
  /** i32 [tokens]. */
  DeviceAddress positions;
  int sequences, sequenceLength, heads, kvHeads, headSize, capacity;
  int ldQkv, ldCache, ldOut;
};
/** Grid {divideUp(tokens · 2 · kvHeads · headSize, 256)}. */
inline constexpr Kernel cacheAppendBf16{"apt3_cache_append_bf16", 256, 0};
inline constexpr Kernel cacheAppendF32{"apt3_cache_append_f32", 256, 0};
/** Grid {tokens, heads}: each of 4 warps takes every fourth key, then they join. */
inline constexpr Kernel cachedAttentionBf16{"apt3_cached_attention_bf16", 128, 4 * (256 + 2) * 4};
inline constexpr Kernel cachedAttentionF32{"apt3_cached_attention_f32", 128, 4 * (256 + 2) * 4};

// ---------------------------------------------------------------------------------------------------------- rows.cu

/**
 * scale[t] = 1/√(mean(x[t]²) + epsilon); out[t] = x[t] · scale[t] · gain. A warp a row: grid {divideUp(rows, 8)}. The
 * residual stream x and the gain are f32 in both kernels, which differ in the type of `out`.
 */
struct RmsNormParams {
  DeviceAddress x, gain, out;
  /** f32 [rows], element t at t · ldScale. */
  DeviceAddress scale;
  int rows, columns;
  int ldx, ldout, ldScale;
  float epsilon;
};
inline constexpr Kernel rmsNormBf16{"apt3_rms_norm_bf16", 256, 0};
inline constexpr Kernel rmsNormF32{"apt3_rms_norm_f32", 256, 0};

/**
 * dX += the gradient through the norm; dGain += Σ over rows of dOut ∘ x · scale; only dOut may be bf16. Two launches:
 * 1. `rmsNormBackward…`: grid {blocks}; block i takes the rows [i · rowsPerBlock, …) and leaves its part of dGain in
 *    row i of `partials`, f32 [blocks, ldPartials], ldPartials ≥ columns and a multiple of 8. Choose rowsPerBlock for
 *    about two blocks a multiprocessor. Dynamic shared memory: rmsNormBackwardShared(columns).
 * 2. `rmsNormGain`: grid {divideUp(columns, 32)} adds the rows of `partials` to dGain in order.
 */
struct RmsNormBackwardParams {
  DeviceAddress x, gain, scale, dOut, dX;
  /** f32 [blocks, ldPartials]. */
  DeviceAddress partials;
  /** f32 [columns]. */
  DeviceAddress dGain;
  int rows, columns, rowsPerBlock, blocks;
  int ldx, ldScale, lddOut, lddX, ldPartials;
};
inline constexpr Kernel rmsNormBackwardBf16{"apt3_rms_norm_backward_bf16", 256, 0};
inline constexpr Kernel rmsNormBackwardF32{"apt3_rms_norm_backward_f32", 256, 0};
APT3_EVERYWHERE constexpr unsigned rmsNormBackwardShared(int columns) {
  return static_cast<unsigned>(divideUp(columns, 8) * 32 + 2 * 8 * 4);
}
inline constexpr Kernel rmsNormGain{"apt3_rms_norm_gain", 256, 8 * 32 * 4};

/**
 * Rotates the first `heads` heads of every row in place (rotate-half); `direction` 1, or −1 for the backward pass.
 * `table` f32 [positions, ldTable]: headSize/2 cosines, then as many sines; headSize is even.
 * Grid {divideUp(rows · heads · divideUp(headSize / 2, 8), 256)}. The host checks positions.
 */
struct RopeParams {
  DeviceAddress x, positions, table;
  int rows, heads, headSize;
  int ldx, ldTable;
  float direction;
};
inline constexpr Kernel ropeBf16{"apt3_rope_bf16", 256, 0};
inline constexpr Kernel ropeF32{"apt3_rope_f32", 256, 0};

/** out = silu(gate) · up; gateUp [rows, 2·features]. Grid {divideUp(divideUp(features, 8), 256), rows}. */
struct SwigluParams {
  DeviceAddress gateUp, out;
  int rows, features;
  int ldGateUp, ldout;
};
inline constexpr Kernel swigluBf16{"apt3_swiglu_bf16", 256, 0};
inline constexpr Kernel swigluF32{"apt3_swiglu_f32", 256, 0};

/** Overwrites dGateUp, which may be gateUp itself. The same grid. */
struct SwigluBackwardParams {
  DeviceAddress gateUp, dOut, dGateUp;
  int rows, features;
  int ldGateUp, lddOut, lddGateUp;
};
inline constexpr Kernel swigluBackwardBf16{"apt3_swiglu_backward_bf16", 256, 0};
inline constexpr Kernel swigluBackwardF32{"apt3_swiglu_backward_f32", 256, 0};

/** Copies a rows × columns matrix, converting (round to nearest even). Grid {divideUp(divideUp(columns, 8), 256), rows}. */
struct ConvertParams {
  DeviceAddress from, to;
  int rows, columns;
  int ldFrom, ldTo;
};
inline constexpr Kernel convertBf16ToBf16{"apt3_convert_bf16_bf16", 256, 0};
inline constexpr Kernel convertBf16ToF32{"apt3_convert_bf16_f32", 256, 0};
inline constexpr Kernel convertF32ToBf16{"apt3_convert_f32_bf16", 256, 0};
inline constexpr Kernel convertF32ToF32{"apt3_convert_f32_f32", 256, 0};

// ----------------------------------------------------------------------------------------------------- embedding.cu

/** out[t] = weight[ids[t]], f32; zeros for an id outside the vocabulary (the host checks ids). Grid as for ConvertParams. */
struct EmbeddingParams {
  DeviceAddress ids, weight, out;
  int rows, columns, vocabulary;
  int ldWeight, ldout;
};
inline constexpr Kernel embeddingBf16{"apt3_embedding_bf16", 256, 0};
inline constexpr Kernel embeddingF32{"apt3_embedding_f32", 256, 0};

/**
 * dWeight[ids[t]] += dOut[t] in the order of t, without atomics and without a sort: block t scans the ids, goes if the id
 * occurred before t, and else adds all the rows of its id. 2048 blocks read 8 KB of ids each: 16 MB from L2 [D].
 * Grid {rows, divideUp(columns, 1024)}.
 */
struct EmbeddingBackwardParams {
  DeviceAddress ids;
  /** f32 [rows, lddOut]. */
  DeviceAddress dOut;
  /** f32 [vocabulary, lddWeight]. */
  DeviceAddress dWeight;
  int rows, columns, vocabulary;
  int lddOut, lddWeight;
};
inline constexpr Kernel embeddingBackward{"apt3_embedding_backward", 128, 5 * 4};

// ---------------------------------------------------------------------------------------------------------- loss.cu

/**
 * Two launches: `crossEntropy…` with grid {rows} leaves the loss and 0/1 for a hit of each row in `rowLosses`, f32
 * [rows, 2] (loss −1 marks a row without target), and with `gradientScale` ≠ 0 turns the logits into their gradient,
 * padding columns (up to ldLogits) included; `crossEntropySums` with grid {1} adds them to `sums`, f32 [3].
 * A target < 0 is ignored, one ≥ columns likewise (the host checks targets).
 */
struct CrossEntropyParams {
  DeviceAddress logits;
  /** i32 [rows]. */
  DeviceAddress targets;
  DeviceAddress rowLosses, sums;
  int rows, columns;
  int ldLogits;
  float gradientScale;
};
inline constexpr Kernel crossEntropyBf16{"apt3_cross_entropy_bf16", 512, 4 * 16 * 4};
inline constexpr Kernel crossEntropyF32{"apt3_cross_entropy_f32", 512, 4 * 16 * 4};
inline constexpr Kernel crossEntropySums{"apt3_cross_entropy_sums", 256, 3 * 256 * 8};

// ----------------------------------------------------------------------------------------------------- optimizer.cu

/**
 * Sum of squares of `count` floats (padding is zero and counts for nothing) in `blocks` parts:
 * partials[firstPartial + block]. Grid {blocks}; any number from 1, say divideUp(count, 1 << 15) up to 1024.
 */
struct SquaredNormParams {
  DeviceAddress values, partials;
  long long count;
  int firstPartial, blocks;
};
inline constexpr Kernel squaredNorm{"apt3_squared_norm", 256, 8 * 4};

/** out[0] = Σ partials, in float64 and always in the same order. Grid {1}. */
struct SquaredNormSumParams {
  DeviceAddress partials, out;
  int count;
};
inline constexpr Kernel squaredNormSum{"apt3_squared_norm_sum", 256, 256 * 8};

/**
 * One AdamW update of one tensor, over its padding too (zeros stay zeros), then clears the gradient; if the squared norm
 * is not finite it only clears. The parameters are rounded from float64 on the host:
 * keep = 1 − learningRate · weightDecay, stepSize = learningRate / (1 − beta1^update),
 * secondCorrection = 1/√(1 − beta2^update), rest = 1 − beta. `count` = rows · ld. Grid {divideUp(count, 1024)}.
 */
struct AdamWParams {
  /** f32: the truth (the master, or the weight itself if that is f32). */
  DeviceAddress exact;
  /** bf16, rounded from the truth to nearest even; 0 for none. */
  DeviceAddress rounded;
  /** f32. */
  DeviceAddress gradient;
  /** f32, or bf16 if `momentsBf16`: those are rounded stochastically. */
  DeviceAddress firstMoment, secondMoment;
  /** f32 [1]. */
  DeviceAddress squaredNorm;
  long long count;
  float beta1, rest1, beta2, rest2, epsilon, keep, stepSize, secondCorrection, maxNorm;
  int momentsBf16;
  /** Shape without and with padding: the noise depends on an element's index in the unpadded matrix. */
  int columns, ld;
  /** `roundingSeed` of model/stochastic-rounding.ts: the noise is the one defined there. */
  unsigned seed;
};
inline constexpr Kernel adamw{"apt3_adamw", 256, 0};

}  // namespace apt3::cuda
