// One small pipelined product, right once and wrong in many ways: what the checked harness must find.
#include "planted.h"

#include "tile.cuh"

namespace apt3::cuda {

enum class Bug {
  none,
  missingBarrier,
  prefetchBeforeBarrier,
  waitsForTooFew,
  doesNotWait,
  forgetsCommit,
  rowsTooFar,
  sharedTooFar,
  readsUnwritten,
  divergentMatrices,
  laneReturnsEarly,
  warpSkipsBarrier,
  warpWaitsAlone,
  lostSwizzle,
  misalignedChunk,
  missingWarpBarrier,
  overwritesWhileRead,
  blocksWriteTheSame,
  blockReadsAnother,
};

struct alignas(8) Pair {
  float low, high;
};

/** Rows of 32 elements, without the permutation of chunks if that is the bug. */
template <Bug bug>
DEVICE int place(int row, int chunk) {
  return bug == Bug::lostSwizzle ? row * 32 + chunk * vectorSize : tileOffset<32>(row, chunk);
}

template <Bug bug>
DEVICE void product(const planted::Params& p) {
  constexpr int stages = 3;
  auto* shared = reinterpret_cast<bf16*>(sharedMemory());
  const int lane = threadIndex() % 32;
  const int warp = threadIndex() / 32;
  const int firstRow = blockX() * 32;
  const int pieces = p.k / 32;

  const auto copyPiece = [&](int piece) {
    bf16* stage = shared + piece % stages * planted::stageElements;
    for (int i = threadIndex(); i < (32 + 16) * 4; i += 64) {
      const int row = i / 4;
      const int chunk = i % 4;
      const int source = row < 32 ? firstRow + row : row - 32;
      const bool exists = row >= 32 || source < p.rows || bug == Bug::rowsTooFar;
      copyAsync16(stage + place<bug>(row, chunk),
                  pointer<const bf16>(row < 32 ? p.a : p.b) + source * p.k + piece * 32 + chunk * vectorSize,
                  exists ? 16 : 0);
    }
    if (bug != Bug::forgetsCommit || piece != 1) commitCopies();
  };

  float sums[2][4] = {};
  copyPiece(0);
  copyPiece(1);
  for (int piece = 0; piece < pieces; piece++) {
    if (bug == Bug::prefetchBeforeBarrier && piece + 2 < pieces) copyPiece(piece + 2);
    if (bug == Bug::waitsForTooFew) {
      waitCopies<2>();
    } else if (bug != Bug::doesNotWait) {
      waitCopies<1>();
    }
    if (bug == Bug::laneReturnsEarly && threadIndex() == 5) return;
    if (bug != Bug::missingBarrier && (bug != Bug::warpSkipsBarrier || warp == 0)) syncThreads();
    if (bug != Bug::prefetchBeforeBarrier) {
      if (piece + 2 < pieces) {
        copyPiece(piece + 2);
      } else {
        commitCopies();
      }
    }
    const bf16* stage = shared + piece % stages * planted::stageElements;
    for (int step = 0; step < 2; step++) {
      unsigned a[4], b[4];
      if (bug == Bug::divergentMatrices && lane < 16) {
        multiplyAdd(sums[0], {0, 0, 0, 0}, 0, 0);
      }
      loadMatrices(a, stage + place<bug>(warp * 16 + lane % 16, step * 2 + lane / 16));
      loadMatrices(b, stage + 32 * 32 + place<bug>(lane / 16 * 8 + lane % 8, step * 2 + lane / 8 % 2));
      multiplyAdd(sums[0], a, b[0], b[1]);
      multiplyAdd(sums[1], a, b[2], b[3]);
    }
  }

  // Each warp turns its sums in shared memory, so that whole rows leave.
  waitCopies<0>();
  if (bug != Bug::overwritesWhileRead) syncThreads();
  constexpr int pitch = 24;
  float* staged = reinterpret_cast<float*>(shared) + warp * 16 * pitch;
  for (int half = 0; half < 2; half++)
    for (int j = 0; j < 2; j++)
      *reinterpret_cast<Pair*>(staged + (lane / 4 + half * 8) * pitch + j * 8 + lane % 4 * 2) = {
          sums[j][2 * half], sums[j][2 * half + 1]};
  if (bug == Bug::sharedTooFar) reinterpret_cast<bf16*>(sharedMemory())[planted::sharedBytes / 2 + lane] = {0};
  if (bug == Bug::readsUnwritten)
    sums[0][0] += toFloat(reinterpret_cast<bf16*>(sharedMemory())[planted::sharedBytes / 2 - 1]);
  if (bug != Bug::missingWarpBarrier) syncWarp();
  float* out = pointer<float>(p.out);
  for (int i = 0; i < 8; i++) {
    // Rows two apart lie in different halves of the banks.
    const int own = i / 2 * 4 + i % 2 + lane / 16 * 2;
    const int row = firstRow + warp * 16 + own;
    if (row >= p.rows) continue;
    out[(bug == Bug::blocksWriteTheSame ? row % 32 : row) * 16 + lane % 16] = staged[own * pitch + lane % 16];
  }
  if (bug == Bug::warpWaitsAlone && warp == 0) syncThreads();
  if (bug == Bug::misalignedChunk) {
    const Chunk chunk = *reinterpret_cast<const Chunk*>(pointer<const bf16>(p.a) + 2);
    out[firstRow * 16] = asFloat(chunk.words[0]);
  }
  if (bug == Bug::blockReadsAnother && blockX() == 1) out[firstRow * 16 + threadIndex()] = out[threadIndex()];
}

#define PLANTED(bug) \
  KERNEL(apt3_planted_##bug, planted::Params, 64, 1) { product<Bug::bug>(params); }

PLANTED(none)
PLANTED(missingBarrier)
PLANTED(prefetchBeforeBarrier)
PLANTED(waitsForTooFew)
PLANTED(doesNotWait)
PLANTED(forgetsCommit)
PLANTED(rowsTooFar)
PLANTED(sharedTooFar)
PLANTED(readsUnwritten)
PLANTED(divergentMatrices)
PLANTED(laneReturnsEarly)
PLANTED(warpSkipsBarrier)
PLANTED(warpWaitsAlone)
PLANTED(lostSwizzle)
PLANTED(misalignedChunk)
PLANTED(missingWarpBarrier)
PLANTED(overwritesWhileRead)
PLANTED(blocksWriteTheSame)
PLANTED(blockReadsAnother)

}  // namespace apt3::cuda
