#pragma once
/**
 * The matrix product on tensor cores: a block of four warps computes a tile of `rows` × `columns` while asynchronous
 * copies bring in the next pieces of 32 along k.
 *
 * Why so [D]: four warps of 64×64 read each operand from shared memory twice, 12.5 % of its bandwidth on a GeForce, where
 * an mma with float32 sums takes 8 cycles of a multiprocessor. 128 sums, 2 × 32 fragment registers and the addresses stay
 * under 255 registers, so two blocks fit a multiprocessor (2 × 128 × 255 ≤ 65,536 registers, 2 × 48 KB of 100 KB shared
 * memory), and one computes while the other starts or ends a tile. Fragments are loaded one step of 16 ahead.
 */
#include "tile.cuh"

namespace apt3::cuda {

template <int tileRows, int tileColumns, int tileStages>
struct GemmConfig {
  static constexpr int rows = tileRows;
  static constexpr int columns = tileColumns;
  static constexpr int stages = tileStages;
  static constexpr int depth = 32;
  static constexpr int threads = 128;
  /** Two by two warps. */
  static constexpr int warpRows = rows / 2;
  static constexpr int warpColumns = columns / 2;
  static constexpr int aTiles = warpRows / 16;
  static constexpr int bTiles = warpColumns / 8;
  static constexpr int stageElements = (rows + columns) * depth;
  /** Rows of the staged result are 16 bytes longer, so that its eight rows of a fragment lie in different banks. */
  static constexpr int stagedColumns = columns + 8;
  static_assert(stages * stageElements >= rows * stagedColumns);
};

/** Where an operand lies and how far it reaches from the tile's origin: its own dimension first, then k. */
struct Operand {
  const bf16* origin;
  int ld;
  int left;
};

/** The tile of a block: 8 tiles of rows for each tile of columns, so that both operands stay in the L2 cache. */
struct TilePlace {
  int row, column;
};
DEVICE TilePlace tilePlace(int index, int rowTiles, int columnTiles) {
  constexpr int group = 8;
  const int groupSize = group * columnTiles;
  const int firstRow = index / groupSize * group;
  const int height = smaller(group, rowTiles - firstRow);
  const int within = index % groupSize;
  return {firstRow + within % height, within / height};
}

template <class Config>
using Accumulators = float[Config::aTiles][Config::bTiles][4];

/** The row of this thread's sums in tile `i` (its second pair is 8 rows below) and the column of its first pair. */
template <class Config>
DEVICE int sumRow(int i) {
  return threadIndex() / 64 * Config::warpRows + i * 16 + threadIndex() % 32 / 4;
}
template <class Config>
DEVICE int sumColumn(int j) {
  return threadIndex() / 32 % 2 * Config::warpColumns + j * 8 + threadIndex() % 4 * 2;
}

/**
 * sums = op(a) · op(b) over k. `aByK`: k runs along the rows of a's memory (a is transposed), `bByK` likewise.
 * `copyB` starts the copy of b's tile; SwiGLU interleaves two halves of b there. `nearEnd` is called once, 16 pieces
 * before the end or at the start.
 */
template <class Config, bool aByK, bool bByK, class CopyB, class NearEnd>
DEVICE void multiplyTile(Accumulators<Config>& sums, bf16* shared, const Operand& a, int k, const CopyB& copyB,
                         const NearEnd& nearEnd) {
  constexpr int depth = Config::depth;
  constexpr int aElements = Config::rows * depth;
  const int warp = threadIndex() / 32;
  const int warpRow = warp / 2 * Config::warpRows;
  const int warpColumn = warp % 2 * Config::warpColumns;
  const int pieces = (k + depth - 1) / depth;

  const auto copyPiece = [&](int piece) {
    bf16* stage = shared + piece % Config::stages * Config::stageElements;
    const int at = piece * depth;
    if constexpr (aByK) {
      copyTile<depth, Config::rows, Config::threads>(stage, a.origin + static_cast<long long>(at) * a.ld, a.ld, k - at, a.left);
    } else {
      copyTile<Config::rows, depth, Config::threads>(stage, a.origin + at, a.ld, a.left, k - at);
    }
    copyB(stage + aElements, at);
  };

  unsigned aFragments[2][Config::aTiles][4];
  unsigned bFragments[2][Config::bTiles / 2][4];
  const auto loadFragments = [&](int buffer, int piece, int step) {
    const bf16* stage = shared + piece % Config::stages * Config::stageElements;
#pragma unroll
    for (int i = 0; i < Config::aTiles; i++) {
      if constexpr (aByK) {
        loadATransposed<Config::rows>(aFragments[buffer][i], stage, warpRow + i * 16, step * 16);
      } else {
        loadA<depth>(aFragments[buffer][i], stage, warpRow + i * 16, step * 16);
      }
    }
#pragma unroll
    for (int j = 0; j < Config::bTiles / 2; j++) {
      if constexpr (bByK) {
        loadBTransposed<Config::columns>(bFragments[buffer][j], stage + aElements, step * 16, warpColumn + j * 16);
      } else {
        loadB<depth>(bFragments[buffer][j], stage + aElements, step * 16, warpColumn + j * 16);
      }
    }
  };

#pragma unroll
  for (int i = 0; i < Config::aTiles; i++)
#pragma unroll
    for (int j = 0; j < Config::bTiles; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[i][j][e] = 0;

#pragma unroll
  for (int piece = 0; piece < Config::stages - 1; piece++) {
    if (piece < pieces) copyPiece(piece);
    commitCopies();
  }
  waitCopies<Config::stages - 2>();
  syncThreads();
  loadFragments(0, 0, 0);
  for (int piece = 0; piece < pieces; piece++) {
    if (piece == larger(0, pieces - 16)) nearEnd();
    constexpr int steps = depth / 16;
#pragma unroll
    for (int step = 0; step < steps; step++) {
      if (step < steps - 1) {
        loadFragments((step + 1) % 2, piece, step + 1);
      } else {
        // The barrier also tells that everyone has read this piece, whose stage is filled again in the next round.
        waitCopies<Config::stages - 2>();
        syncThreads();
        if (piece + 1 < pieces) loadFragments((step + 1) % 2, piece + 1, 0);
      }
      if (step == 0) {
        if (piece + Config::stages - 1 < pieces) copyPiece(piece + Config::stages - 1);
        commitCopies();
      }
#pragma unroll
      for (int i = 0; i < Config::aTiles; i++)
#pragma unroll
        for (int j = 0; j < Config::bTiles / 2; j++)
          multiplyAddTwo(sums[i][2 * j], sums[i][2 * j + 1], aFragments[step % 2][i], bFragments[step % 2][j]);
    }
  }
}

/** Rounds the sums, plus what `shared` holds already if `adding`, into the staged tile. */
template <class Config>
DEVICE void stageSums(const Accumulators<Config>& sums, bf16* shared, bool adding) {
#pragma unroll
  for (int i = 0; i < Config::aTiles; i++)
#pragma unroll
    for (int j = 0; j < Config::bTiles; j++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        auto* pair = reinterpret_cast<unsigned*>(shared + (sumRow<Config>(i) + 8 * half) * Config::stagedColumns +
                                                 sumColumn<Config>(j));
        float low = sums[i][j][2 * half];
        float high = sums[i][j][2 * half + 1];
        if (adding) {
          low += lowFloat(*pair);
          high += highFloat(*pair);
        }
        *pair = packBf16(low, high);
      }
}

/** Calls body(row, column) for every chunk of 8 of a staged tile of `columns`; neighbouring threads take neighbours. */
template <class Config, int columns, class Body>
DEVICE void eachStagedChunk(const Body& body) {
  constexpr int rowChunks = columns / vectorSize;
  constexpr int step = Config::threads / rowChunks;
#pragma unroll 4
  for (int row = threadIndex() / rowChunks; row < Config::rows; row += step)
    body(row, threadIndex() % rowChunks * vectorSize);
}

}  // namespace apt3::cuda
