// Flash attention, forward: scores of a block of queries with one block of keys after the other, never stored.
#include "attention.cuh"
#include "tile.cuh"

namespace apt3::cuda {

/**
 * Four warps, each with `warpTiles` × 16 queries, over 64 keys at a time. Why so [D]: with 32 queries a warp, a fragment
 * of keys or values serves two mma; 40 ldmatrix for 128 mma are 16 % of a GeForce's shared-memory bandwidth. Scores and
 * sums are 64 + 64 registers; the queries' 32 more made the compiler spill, so they are read again for every block of
 * keys (8 of the 40). 48 KB: two blocks a multiprocessor.
 */
template <int size, int tiles>
struct AttentionConfig {
  static constexpr int headSize = size;
  static constexpr int warpTiles = tiles;
  static constexpr int queries = 4 * 16 * tiles;
  static constexpr int keys = 64;
  static constexpr int threads = 128;
  static constexpr int queryElements = queries * headSize;
  static constexpr int keyElements = keys * headSize;
};

/** A thread's rows of one tile of 16 queries are g and g + 8: everything of a row comes in pairs. */
struct RowPair {
  float values[2];
};

/**
 * Takes one block of scores into the running softmax: scales `sums` to the new largest score, replaces the scores by
 * their powers. `factor` turns scores into exponents of 2. A row's scores lie in four neighbouring lanes.
 */
template <int columns>
DEVICE void takeScores(float (&scores)[columns][4], RowPair& largest, RowPair& total, RowPair& keep, float factor) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float next = largest.values[half];
#pragma unroll
    for (int j = 0; j < columns; j++)
      next = maximum(next, maximum(scores[j][2 * half], scores[j][2 * half + 1]));
    next = maximum(next, shuffleXor(next, 1));
    next = maximum(next, shuffleXor(next, 2));
    keep.values[half] = exp2Fast((largest.values[half] - next) * factor);
    largest.values[half] = next;
    float sum = 0;
#pragma unroll
    for (int j = 0; j < columns; j++)
#pragma unroll
      for (int e = 2 * half; e < 2 * half + 2; e++) {
        scores[j][e] = exp2Fast(scores[j][e] * factor - next * factor);
        sum += scores[j][e];
      }
    total.values[half] = total.values[half] * keep.values[half] + sum;
  }
}

template <class Config>
DEVICE void attentionForward(const AttentionParams& p) {
  constexpr int headSize = Config::headSize;
  constexpr int keyTiles = Config::keys / 8;
  constexpr int sizeTiles = headSize / 8;
  auto* queryTile = reinterpret_cast<bf16*>(sharedMemory());
  bf16* keyTilesStart = queryTile + Config::queryElements;

  const int sequence = blockX() / p.heads;
  const int head = blockX() % p.heads;
  const int kvHead = kvHeadOf(p, head);
  // The last queries see most keys: blocks start from the end, so that long ones do not start last.
  const int queryStart = (gridY() - 1 - blockY()) * Config::queries;
  const bf16* rows = pointer<const bf16>(p.qkv) + static_cast<long long>(sequence) * p.sequenceLength * p.ldQkv;
  const int lane = threadIndex() % 32;
  const int warpRow = threadIndex() / 32 * Config::warpTiles * 16;
  const int warpStart = queryStart + warpRow;
  const int warpEnd = warpStart + Config::warpTiles * 16 - 1;

  const int lastQuery = smaller(queryStart + Config::queries, p.sequenceLength) - 1;
  const int lastBlock = lastQuery / Config::keys;
  const int firstBlock = smallestFirstKey<Config::queries>(p, sequence, queryStart) / Config::keys;

  const auto copyKeys = [&](int block, int stage) {
    const int start = block * Config::keys;
    const bf16* from = rows + static_cast<long long>(start) * p.ldQkv;
    bf16* to = keyTilesStart + stage * 2 * Config::keyElements;
    copyTile<Config::keys, headSize, Config::threads>(to, from + keyColumn(p, kvHead), p.ldQkv,
                                                      p.sequenceLength - start, p.headSize);
    copyTile<Config::keys, headSize, Config::threads>(to + Config::keyElements, from + valueColumn(p, kvHead), p.ldQkv,
                                                      p.sequenceLength - start, p.headSize);
    commitCopies();
  };
  copyTile<Config::queries, headSize, Config::threads>(
      queryTile, rows + static_cast<long long>(queryStart) * p.ldQkv + head * p.headSize, p.ldQkv,
      p.sequenceLength - queryStart, p.headSize);
  copyKeys(lastBlock, 0);

  int starts[Config::warpTiles][2];
  int latestStart = 0;
#pragma unroll
  for (int i = 0; i < Config::warpTiles; i++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int query = warpStart + i * 16 + half * 8 + lane / 4;
      starts[i][half] = query < p.sequenceLength ? firstKey(p, sequence, query) : 0;
      latestStart = larger(latestStart, starts[i][half]);
    }

  const float scale = 1.0f / squareRoot(static_cast<float>(p.headSize));
  float sums[Config::warpTiles][sizeTiles][4];
  RowPair largest[Config::warpTiles], total[Config::warpTiles];
#pragma unroll
  for (int i = 0; i < Config::warpTiles; i++) {
#pragma unroll
    for (int half = 0; half < 2; half++) largest[i].values[half] = -infinity(), total[i].values[half] = 0;
#pragma unroll
    for (int j = 0; j < sizeTiles; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[i][j][e] = 0;
  }

  // From the last block of keys back: the ones with a mask come first, and a row's first block always holds a key that
  // it sees (itself), so its largest score is finite from then on.
  for (int block = lastBlock; block >= firstBlock; block--) {
    const int stage = (lastBlock - block) % 2;
    waitCopies<0>();
    // Also: everyone has done with the other stage.
    syncThreads();
    if (block > firstBlock) copyKeys(block - 1, 1 - stage);
    const int keyStart = block * Config::keys;
    if (keyStart > warpEnd) continue;
    const bf16* keys = keyTilesStart + stage * 2 * Config::keyElements;
    const bf16* values = keys + Config::keyElements;

    float scores[Config::warpTiles][keyTiles][4];
#pragma unroll
    for (int i = 0; i < Config::warpTiles; i++)
#pragma unroll
      for (int j = 0; j < keyTiles; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) scores[i][j][e] = 0;
#pragma unroll
    for (int step = 0; step < headSize / 16; step++) {
      unsigned queries[Config::warpTiles][4];
#pragma unroll
      for (int i = 0; i < Config::warpTiles; i++)
        loadA<headSize>(queries[i], queryTile, warpRow + i * 16, step * 16);
#pragma unroll
      for (int j = 0; j < keyTiles / 2; j++) {
        unsigned fragment[4];
        loadB<headSize>(fragment, keys, step * 16, j * 16);
#pragma unroll
        for (int i = 0; i < Config::warpTiles; i++)
          multiplyAddTwo(scores[i][2 * j], scores[i][2 * j + 1], queries[i], fragment);
      }
    }
    if (keyStart + Config::keys - 1 > warpStart || keyStart < latestStart) {
#pragma unroll
      for (int i = 0; i < Config::warpTiles; i++)
#pragma unroll
        for (int j = 0; j < keyTiles; j++)
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int query = warpStart + i * 16 + e / 2 * 8 + lane / 4;
            const int key = keyStart + j * 8 + lane % 4 * 2 + e % 2;
            if (key > query || key < starts[i][e / 2]) scores[i][j][e] = -infinity();
          }
    }
#pragma unroll
    for (int i = 0; i < Config::warpTiles; i++) {
      RowPair keep;
      takeScores(scores[i], largest[i], total[i], keep, scale * log2e);
#pragma unroll
      for (int j = 0; j < sizeTiles; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) sums[i][j][e] *= keep.values[e / 2];
    }
    // The powers already lie where the first operand of the next product wants them.
#pragma unroll
    for (int step = 0; step < Config::keys / 16; step++) {
      unsigned powers[Config::warpTiles][4];
#pragma unroll
      for (int i = 0; i < Config::warpTiles; i++)
#pragma unroll
        for (int part = 0; part < 4; part++)
          powers[i][part] = packBf16(scores[i][2 * step + part / 2][part % 2 * 2],
                                     scores[i][2 * step + part / 2][part % 2 * 2 + 1]);
#pragma unroll
      for (int j = 0; j < sizeTiles / 2; j++) {
        unsigned fragment[4];
        loadBTransposed<headSize>(fragment, values, step * 16, j * 16);
#pragma unroll
        for (int i = 0; i < Config::warpTiles; i++)
          multiplyAddTwo(sums[i][2 * j], sums[i][2 * j + 1], powers[i], fragment);
      }
    }
  }

  // The warp's own queries make room for its results, which then leave as whole chunks.
  syncWarp();
#pragma unroll
  for (int i = 0; i < Config::warpTiles; i++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float all = total[i].values[half];
      all += shuffleXor(all, 1);
      all += shuffleXor(all, 2);
      const int row = warpRow + i * 16 + half * 8 + lane / 4;
      const int query = queryStart + row;
      if (lane % 4 == 0 && query < p.sequenceLength)
        pointer<float>(p.logSumExp)[(static_cast<long long>(sequence) * p.sequenceLength + query) * p.ldLogSumExp + head] =
            largest[i].values[half] * scale + logarithm(all);
      const float factor = 1.0f / all;
#pragma unroll
      for (int j = 0; j < sizeTiles; j++)
        *reinterpret_cast<unsigned*>(queryTile + tileOffset<headSize>(row, j) + lane % 4 * 2) =
            packBf16(sums[i][j][2 * half] * factor, sums[i][j][2 * half + 1] * factor);
    }
  syncWarp();
  constexpr int rowChunks = headSize / vectorSize;
  bf16* out = pointer<bf16>(p.out) + static_cast<long long>(sequence) * p.sequenceLength * p.ldOut + head * p.headSize;
#pragma unroll
  for (int i = 0; i < Config::warpTiles * 16 * rowChunks / 32; i++) {
    const int row = warpRow + (i * 32 + lane) / rowChunks;
    const int chunk = lane % rowChunks;
    if (queryStart + row < p.sequenceLength && chunk * vectorSize < p.headSize)
      *reinterpret_cast<Chunk*>(out + static_cast<long long>(queryStart + row) * p.ldOut + chunk * vectorSize) =
          *reinterpret_cast<const Chunk*>(queryTile + tileOffset<headSize>(row, chunk));
  }
}

using Heads64 = AttentionConfig<64, 2>;
using Heads128 = AttentionConfig<128, 1>;
KERNEL(apt3_attention_64, AttentionParams, 128, 2) { attentionForward<Heads64>(params); }
KERNEL(apt3_attention_128, AttentionParams, 128, 1) { attentionForward<Heads128>(params); }

}  // namespace apt3::cuda
