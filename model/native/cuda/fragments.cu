// How a warp sees matrices: for the first test on a card, where nothing else can be trusted yet.
#include "memory.cuh"

namespace apt3::cuda {

KERNEL(apt3_fragments, FragmentParams, 32, 1) {
  const FragmentParams& p = params;
  auto* shared = reinterpret_cast<Chunk*>(sharedMemory());
  const int lane = threadIndex();
  shared[lane] = pointer<const Chunk>(p.tile)[lane];
  syncWarp();
  unsigned plain[4], transposed[4];
  loadMatrices(plain, shared + lane);
  loadMatricesTransposed(transposed, shared + lane);

  const int g = lane / 4;
  const int t = lane % 4 * 2;
  const auto* a = pointer<const unsigned short>(p.a);
  const auto* b = pointer<const unsigned short>(p.b);
  const auto pairOf = [](unsigned low, unsigned high) { return low | high << 16; };
  unsigned left[4], right[2];
#pragma unroll
  for (int part = 0; part < 4; part++) {
    const int at = (g + part % 2 * 8) * 16 + t + part / 2 * 8;
    left[part] = pairOf(a[at], a[at + 1]);
  }
#pragma unroll
  for (int part = 0; part < 2; part++) right[part] = pairOf(b[(t + part * 8) * 8 + g], b[(t + part * 8 + 1) * 8 + g]);
  float sums[4] = {};
  multiplyAdd(sums, left, right[0], right[1]);

  auto* out = pointer<unsigned>(p.out) + lane * 12;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    out[i] = plain[i];
    out[4 + i] = transposed[i];
    out[8 + i] = asBits(sums[i]);
  }
}

}  // namespace apt3::cuda
