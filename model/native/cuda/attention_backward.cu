// Flash attention, backward: a block owns some blocks of keys and takes one block of queries after the other.
#include "attention.cuh"
#include "tile.cuh"

namespace apt3::cuda {

/**
 * A warp owns 16 keys. Everything is computed transposed, keys by queries: then probabilities and their gradients lie
 * in registers just as the first operand of dV = Pᵀ·dO and dK = dSᵀ·Q wants them, and only dS takes the way through
 * shared memory, for dQ = dS·K to which all warps' keys contribute.
 *
 * Why so [D], head size 64: a step of 64 queries × 128 keys is 1280 mma, 10,240 cycles of a GeForce multiprocessor, and
 * moves 368 KB through shared memory, 2,900 cycles. Sums for dK and dV 64 registers, keys and values 32, scores and
 * gradients of half a step 32 (64 for a whole one spilled 80 bytes): under 255 with 8 warps, one block a multiprocessor.
 *
 * On an H200, 32 heads × 2048 tokens (2026-11): 485 µs at first; 327 with a block for every multiprocessor in one wave
 * instead of one and a bit, 307 with sums that need not be read, 221 without a branch an element for the mask. Blocks of
 * 64 keys with 4 warps, two a multiprocessor, took 234.
 */
template <int size, int ownKeys, int stepQueries, bool keepFragments>
struct BackwardConfig {
  static constexpr int headSize = size;
  static constexpr int keys = ownKeys;
  static constexpr int queries = stepQueries;
  /** Queries whose scores are in registers at a time. */
  static constexpr int part = stepQueries / 2;
  /** Keys and values stay in registers as fragments, or are read from shared memory at every step. */
  static constexpr bool fragmentsKept = keepFragments;
  static constexpr int warps = keys / 16;
  static constexpr int threads = 32 * warps;
  static constexpr int keyElements = keys * headSize;
  static constexpr int queryElements = queries * headSize;
  /** dQ of a step is shared out as `queries / 16` rows of warps; a warp computes 32 columns of its part at a time. */
  static constexpr int warpColumns = headSize / (warps / (queries / 16));
  static constexpr int columnsAtOnce = 32;
};

/** A block of queries of one head, as the step that takes it needs it. */
struct Step {
  int head, queryStart;
};

template <class Config>
struct BackwardShared {
  bf16 *keys, *values, *gradients, *steps;
  float* statistics;
};

template <class Config>
DEVICE BackwardShared<Config> backwardShared() {
  BackwardShared<Config> shared;
  shared.keys = reinterpret_cast<bf16*>(sharedMemory());
  shared.values = shared.keys + Config::keyElements;
  shared.gradients = shared.values + Config::keyElements;
  // Two stages of queries and of gradients of the output, then two of the three numbers a query has.
  shared.steps = shared.gradients + Config::keys * Config::queries;
  shared.statistics = reinterpret_cast<float*>(shared.steps + 4 * Config::queryElements);
  return shared;
}

/** Starts to copy a step's queries, output gradients, log-sum-exps, row sums and first keys. */
template <class Config>
DEVICE void copyStep(const AttentionBackwardParams& p, const BackwardShared<Config>& shared, int sequence, Step step,
                     int stage) {
  const AttentionParams& f = p.forward;
  const long long firstToken = static_cast<long long>(sequence) * f.sequenceLength + step.queryStart;
  const int left = f.sequenceLength - step.queryStart;
  bf16* to = shared.steps + stage * 2 * Config::queryElements;
  copyTile<Config::queries, Config::headSize, Config::threads>(
      to, pointer<const bf16>(f.qkv) + firstToken * f.ldQkv + step.head * f.headSize, f.ldQkv, left, f.headSize);
  copyTile<Config::queries, Config::headSize, Config::threads>(
      to + Config::queryElements, pointer<const bf16>(p.dOut) + firstToken * p.lddOut + step.head * f.headSize,
      p.lddOut, left, f.headSize);
  const int query = threadIndex();
  if (query < Config::queries) {
    float* numbers = shared.statistics + stage * 3 * Config::queries + query;
    const int bytes = query < left ? 4 : 0;
    const long long at = (firstToken + query) * f.ldLogSumExp + step.head;
    copyAsync4(numbers, pointer<const float>(f.logSumExp) + at, bytes);
    copyAsync4(numbers + Config::queries, pointer<const float>(p.rowSums) + at, bytes);
    if (f.documentStarts != 0)
      copyAsync4(numbers + 2 * Config::queries, pointer<const int>(f.documentStarts) + firstToken + query, bytes);
  }
  commitCopies();
}

/** Scores or their kin: result[16 keys, part] = own[16, headSize] · tile[part, headSize]ᵀ. */
template <class Config>
DEVICE void multiplyByQueries(float (&result)[Config::part / 8][4], const unsigned (&kept)[Config::headSize / 16][4],
                              const bf16* own, int row, const bf16* tile) {
#pragma unroll
  for (int j = 0; j < Config::part / 8; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) result[j][e] = 0;
#pragma unroll(Config::fragmentsKept ? Config::headSize / 16 : 2)
  for (int step = 0; step < Config::headSize / 16; step++) {
    unsigned a[4];
    if constexpr (Config::fragmentsKept) {
#pragma unroll
      for (int part = 0; part < 4; part++) a[part] = kept[step][part];
    } else {
      loadA<Config::headSize>(a, own, row, step * 16);
    }
#pragma unroll
    for (int j = 0; j < Config::part / 16; j++) {
      unsigned b[4];
      loadB<Config::headSize>(b, tile, step * 16, j * 16);
      multiplyAddTwo(result[2 * j], result[2 * j + 1], a, b);
    }
  }
}

/** What a thread's two columns of an 8-column tile of results have in shared memory. */
DEVICE FloatPair pairOfColumns(const float* tile) {
  return *reinterpret_cast<const FloatPair*>(tile + threadIndex() % 4 * 2);
}

/** Sets the probabilities of 16 keys that a part's queries do not see to zero. `starts` may be null: no documents. */
template <class Config>
DEVICE void hideKeys(float (&probabilities)[Config::part / 8][4], int firstKey, int firstQuery, const int* starts) {
  const int lane = threadIndex() % 32;
#pragma unroll
  for (int j = 0; j < Config::part / 8; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const int column = j * 8 + lane % 4 * 2 + e % 2;
      const int query = firstQuery + column;
      const int key = firstKey + e / 2 * 8 + lane / 4;
      const int start = starts == nullptr ? 0 : smaller(starts[column], query);
      if (key > query || key < start) probabilities[j][e] = 0;
    }
}

/** sums[16 keys, headSize] += left[16, part] (rounded to bf16) · tile[part, headSize]. */
template <class Config>
DEVICE void addOverQueries(float (&sums)[Config::headSize / 8][4], const float (&left)[Config::part / 8][4],
                           const bf16* tile) {
#pragma unroll
  for (int step = 0; step < Config::part / 16; step++) {
    unsigned a[4];
#pragma unroll
    for (int part = 0; part < 4; part++)
      a[part] = packBf16(left[2 * step + part / 2][part % 2 * 2], left[2 * step + part / 2][part % 2 * 2 + 1]);
#pragma unroll
    for (int j = 0; j < Config::headSize / 16; j++) {
      unsigned b[4];
      loadBTransposed<Config::headSize>(b, tile, step * 16, j * 16);
      multiplyAddTwo(sums[2 * j], sums[2 * j + 1], a, b);
    }
  }
}

/**
 * Calls body(pair of floats in dQueries, tile column, which half of the rows) for this thread's part of a step's dQ, the
 * 32 columns from `columns` on of its warp's.
 */
template <class Config, class Body>
DEVICE void eachQueryPair(const AttentionBackwardParams& p, int sequence, Step step, int columns, const Body& body) {
  const AttentionParams& f = p.forward;
  const int lane = threadIndex() % 32;
  const int warp = threadIndex() / 32;
  const int row = warp % (Config::queries / 16) * 16 + lane / 4;
  const int firstColumn = warp / (Config::queries / 16) * Config::warpColumns + columns + lane % 4 * 2;
  const int width = f.heads * f.headSize;
  const long long tokens = static_cast<long long>(f.sequences) * f.sequenceLength;
  float* own = pointer<float>(p.dQueries) + blockY() * tokens * width + step.head * f.headSize;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int query = step.queryStart + row + half * 8;
    if (query >= f.sequenceLength) continue;
    float* to = own + (static_cast<long long>(sequence) * f.sequenceLength + query) * width;
#pragma unroll
    for (int j = 0; j < Config::columnsAtOnce / 8; j++)
      if (firstColumn + j * 8 < f.headSize) body(reinterpret_cast<FloatPair*>(to + firstColumn + j * 8), j, half);
  }
}

/** Sets the parts of a step's dQ to zero that this block would have added to. */
template <class Config>
DEVICE void clearQueryGradients(const AttentionBackwardParams& p, int sequence, Step step) {
  for (int columns = 0; columns < Config::warpColumns; columns += Config::columnsAtOnce)
    eachQueryPair<Config>(p, sequence, step, columns, [](FloatPair* to, int, int) { *to = {0, 0}; });
}

/** dQ of a step: queries by keys from `gradients`, times keys, on top of what this block's earlier keys gave. */
template <class Config>
DEVICE void addQueryGradients(const AttentionBackwardParams& p, const BackwardShared<Config>& shared, int sequence,
                              Step step, bool first) {
  constexpr int columnTiles = Config::columnsAtOnce / 8;
  const int warp = threadIndex() / 32;
  const int row = warp % (Config::queries / 16) * 16;
#pragma unroll 1
  for (int columns = 0; columns < Config::warpColumns; columns += Config::columnsAtOnce) {
    const int column = warp / (Config::queries / 16) * Config::warpColumns + columns;
    float sums[columnTiles][4] = {};
#pragma unroll 2
    for (int key = 0; key < Config::keys; key += 16) {
      unsigned a[4];
      loadATransposed<Config::queries>(a, shared.gradients, row, key);
#pragma unroll
      for (int j = 0; j < columnTiles / 2; j++) {
        unsigned b[4];
        loadBTransposed<Config::headSize>(b, shared.keys, key, column + j * 16);
        multiplyAddTwo(sums[2 * j], sums[2 * j + 1], a, b);
      }
    }
    if (first) {
      eachQueryPair<Config>(p, sequence, step, columns, [&](FloatPair* to, int j, int half) {
        *to = {sums[j][2 * half], sums[j][2 * half + 1]};
      });
    } else {
      eachQueryPair<Config>(p, sequence, step, columns, [&](FloatPair* to, int j, int half) {
        addToPair(&to->low, sums[j][2 * half], sums[j][2 * half + 1]);
      });
    }
  }
}

/** Writes 16 keys' gradients. */
template <class Config>
DEVICE void storeKeyGradients(bf16* to, int ld, const float (&sums)[Config::headSize / 8][4], float factor,
                              int rowsLeft, int headSize) {
  const int lane = threadIndex() % 32;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int row = lane / 4 + half * 8;
    if (row >= rowsLeft) continue;
#pragma unroll
    for (int j = 0; j < Config::headSize / 8; j++) {
      const int column = j * 8 + lane % 4 * 2;
      if (column < headSize)
        *reinterpret_cast<unsigned*>(to + static_cast<long long>(row) * ld + column) =
            packBf16(sums[j][2 * half] * factor, sums[j][2 * half + 1] * factor);
    }
  }
}

template <class Config>
DEVICE void keyBlockBackward(const AttentionBackwardParams& p, int sequence, int kvHead, int keyStart, bool first) {
  constexpr int headSize = Config::headSize;
  constexpr int partTiles = Config::part / 8;
  const AttentionParams& f = p.forward;
  const BackwardShared<Config> shared = backwardShared<Config>();
  const int lane = threadIndex() % 32;
  const int warpKey = threadIndex() / 32 * 16;
  const float scale = 1.0f / squareRoot(static_cast<float>(f.headSize));
  const long long firstToken = static_cast<long long>(sequence) * f.sequenceLength;

  // Steps go through the heads of the group and, in each, the blocks of queries from the keys' own on.
  const int group = f.heads / f.kvHeads;
  const int lastHead = (kvHead + 1) * group - 1;
  const int firstQueryBlock = keyStart / Config::queries * Config::queries;
  const auto following = [&](Step step) {
    step.queryStart += Config::queries;
    if (step.queryStart >= f.sequenceLength) step = {step.head + 1, firstQueryBlock};
    return step;
  };
  /** The next step from `step` on that sees these keys. A step passed over leaves its dQ as it is; if it has none, zero. */
  const auto nextStep = [&](Step step) {
    if (f.documentStarts == 0) return step;
    for (; step.head <= lastHead; step = following(step)) {
      if (smallestFirstKey<Config::queries>(f, sequence, step.queryStart) < keyStart + Config::keys) break;
      if (first) clearQueryGradients<Config>(p, sequence, step);
    }
    return step;
  };

  // The keys before these are done with, in every warp.
  syncThreads();
  const bf16* rows = pointer<const bf16>(f.qkv) + (firstToken + keyStart) * f.ldQkv;
  copyTile<Config::keys, headSize, Config::threads>(shared.keys, rows + keyColumn(f, kvHead), f.ldQkv,
                                                    f.sequenceLength - keyStart, f.headSize);
  copyTile<Config::keys, headSize, Config::threads>(shared.values, rows + valueColumn(f, kvHead), f.ldQkv,
                                                    f.sequenceLength - keyStart, f.headSize);
  Step next = nextStep({kvHead * group, firstQueryBlock});
  if (next.head <= lastHead) copyStep<Config>(p, shared, sequence, next, 0);

  float dKeys[headSize / 8][4] = {};
  float dValues[headSize / 8][4] = {};
  unsigned keys[headSize / 16][4];
  unsigned values[headSize / 16][4];
  bool fragmentsLoaded = false;
  for (int stage = 0; next.head <= lastHead; stage = 1 - stage) {
    const Step step = next;
    waitCopies<0>();
    // Also: everyone has done with the other stage, and with the gradients of the step before.
    syncThreads();
    next = nextStep(following(step));
    if (next.head <= lastHead) copyStep<Config>(p, shared, sequence, next, 1 - stage);
    if (Config::fragmentsKept && !fragmentsLoaded) {
#pragma unroll
      for (int i = 0; i < headSize / 16; i++) {
        loadA<headSize>(keys[i], shared.keys, warpKey, i * 16);
        loadA<headSize>(values[i], shared.values, warpKey, i * 16);
      }
      fragmentsLoaded = true;
    }
    const bf16* queries = shared.steps + stage * 2 * Config::queryElements;
    const bf16* dOut = queries + Config::queryElements;
    const float* logSumExps = shared.statistics + stage * 3 * Config::queries;
    const float* rowSums = logSumExps + Config::queries;
    const auto* starts = reinterpret_cast<const int*>(rowSums + Config::queries);

    // In parts, which halves the registers of scores and their gradients.
#pragma unroll 1
    for (int part = 0; part < Config::queries; part += Config::part) {
      const int firstQuery = step.queryStart + part;
      const bf16* partQueries = queries + part * headSize;
      const bf16* partGradients = dOut + part * headSize;
      float gradients[partTiles][4] = {};
      // Otherwise none of the queries sees a key of this warp.
      if (keyStart + warpKey < firstQuery + Config::part) {
        float probabilities[partTiles][4];
        multiplyByQueries<Config>(probabilities, keys, shared.keys, warpKey, partQueries);
#pragma unroll
        for (int j = 0; j < partTiles; j++) {
          const FloatPair logSumExp = pairOfColumns(logSumExps + part + j * 8);
#pragma unroll
          for (int e = 0; e < 4; e++)
            probabilities[j][e] = exp2Fast(probabilities[j][e] * (scale * log2e) -
                                           (e % 2 == 0 ? logSumExp.low : logSumExp.high) * log2e);
        }
        // Only keys around the queries themselves are hidden, and other documents' keys.
        if (f.documentStarts != 0 || keyStart + warpKey + 15 > firstQuery)
          hideKeys<Config>(probabilities, keyStart + warpKey, firstQuery, f.documentStarts == 0 ? nullptr : starts + part);
        addOverQueries<Config>(dValues, probabilities, partGradients);
        multiplyByQueries<Config>(gradients, values, shared.values, warpKey, partGradients);
#pragma unroll
        for (int j = 0; j < partTiles; j++) {
          const FloatPair rowSum = pairOfColumns(rowSums + part + j * 8);
#pragma unroll
          for (int e = 0; e < 4; e++)
            gradients[j][e] = probabilities[j][e] * (gradients[j][e] - (e % 2 == 0 ? rowSum.low : rowSum.high));
        }
        addOverQueries<Config>(dKeys, gradients, partQueries);
      }
#pragma unroll
      for (int j = 0; j < partTiles; j++)
#pragma unroll
        for (int half = 0; half < 2; half++)
          *reinterpret_cast<unsigned*>(
              shared.gradients + tileOffset<Config::queries>(warpKey + half * 8 + lane / 4, part / 8 + j) +
              lane % 4 * 2) = packBf16(gradients[j][2 * half], gradients[j][2 * half + 1]);
    }
    syncThreads();
    addQueryGradients<Config>(p, shared, sequence, step, first);
  }

  bf16* to = pointer<bf16>(p.dQkv) + (firstToken + keyStart + warpKey) * p.lddQkv;
  const int left = f.sequenceLength - keyStart - warpKey;
  storeKeyGradients<Config>(to + keyColumn(f, kvHead), p.lddQkv, dKeys, scale, left, f.headSize);
  storeKeyGradients<Config>(to + valueColumn(f, kvHead), p.lddQkv, dValues, 1, left, f.headSize);
}

template <class Config>
DEVICE void attentionBackward(const AttentionBackwardParams& p) {
  const int sequence = blockX() / p.forward.kvHeads;
  const int kvHead = blockX() % p.forward.kvHeads;
  const int own = blockY();
  const int blocks = divideUp(p.forward.sequenceLength, Config::keys);
  for (int round = 0;; round++) {
    // There and back again: early keys are seen by more queries than late ones.
    const int block = round * p.splits + (round % 2 == 0 ? own : p.splits - 1 - own);
    if (block >= blocks) return;
    keyBlockBackward<Config>(p, sequence, kvHead, block * Config::keys, round == 0);
  }
}

using Backward64 = BackwardConfig<64, 128, 64, true>;
using Backward128 = BackwardConfig<128, 64, 32, false>;
KERNEL(apt3_attention_backward_64, AttentionBackwardParams, 256, 1) { attentionBackward<Backward64>(params); }
KERNEL(apt3_attention_backward_128, AttentionBackwardParams, 128, 1) { attentionBackward<Backward128>(params); }

/** Split s first took the keys from s · keyRows on, and with them every query from there on. */
KERNEL(apt3_attention_backward_queries, AttentionBackwardParams, 256, 4) {
  const AttentionBackwardParams& p = params;
  const AttentionParams& f = p.forward;
  const int width = f.heads * f.headSize;
  const long long tokens = static_cast<long long>(f.sequences) * f.sequenceLength;
  const long long index = (static_cast<long long>(blockX()) * 256 + threadIndex()) * vectorSize;
  const long long token = index / width;
  if (token >= tokens) return;
  const int column = static_cast<int>(index % width);
  const int position = static_cast<int>(token % f.sequenceLength);
  const float scale = 1.0f / squareRoot(static_cast<float>(f.headSize));
  float sums[8] = {};
  for (int split = 0; split < p.splits && split * p.keyRows <= position; split++) {
    float part[8];
    loadVector(part, pointer<const float>(p.dQueries) + (split * tokens + token) * width + column, 8);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) sums[i] += part[i];
  }
#pragma unroll
  for (int i = 0; i < vectorSize; i++) sums[i] *= scale;
  storeVector(pointer<bf16>(p.dQkv) + token * p.lddQkv + column, sums, 8);
}

}  // namespace apt3::cuda
