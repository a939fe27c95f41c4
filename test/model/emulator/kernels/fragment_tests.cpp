// The layouts of ldmatrix and mma, by PTX's manual (ISA 8.7, "Matrix fragments for mma.m16n8k16" and "ldmatrix"): first,
// because no other kernel can be right where these are not.
#include <bit>

#include "device.h"

namespace kernel_tests {
namespace {

using namespace apt3::cuda;
using Values = std::vector<float>;

const Suite layouts("fragments", [] {
  Values tile, a, b;
  for (int i = 0; i < 32 * 8; i++) tile.push_back(static_cast<float>(i));
  const Matrix tileMatrix = create(Type::bf16, 32, 8);
  write(tileMatrix, tile);
  const Matrix aMatrix = createRandom(Type::bf16, 16, 16, a);
  const Matrix bMatrix = createRandom(Type::bf16, 16, 8, b);
  const Matrix out = create(Type::f32, 32 * 12 / 8, 8);
  launch(fragments, {1}, FragmentParams{tileMatrix.address, aMatrix.address, bMatrix.address, out.address});
  const Values found = read(out);
  bool plain = true, transposed = true;
  Values sums, expected;
  for (int lane = 0; lane < 32; lane++)
    for (int i = 0; i < 4; i++) {
      const int g = lane / 4, t = lane % 4 * 2;
      const auto holds = [&](int at, int low, int high) {
        const auto bits = std::bit_cast<uint32_t>(found[static_cast<size_t>(lane * 12 + at)]);
        return std::bit_cast<float>(bits << 16) == static_cast<float>(low) &&
               std::bit_cast<float>(bits & 0xffff0000u) == static_cast<float>(high);
      };
      plain &= holds(i, (8 * i + g) * 8 + t, (8 * i + g) * 8 + t + 1);
      transposed &= holds(4 + i, (8 * i + t) * 8 + g, (8 * i + t + 1) * 8 + g);
      const int row = g + i / 2 * 8, column = t + i % 2;
      double sum = 0;
      for (int k = 0; k < 16; k++) sum += static_cast<double>(a[static_cast<size_t>(row * 16 + k)]) * b[static_cast<size_t>(k * 8 + column)];
      sums.push_back(found[static_cast<size_t>(lane * 12 + 8 + i)]);
      expected.push_back(static_cast<float>(sum));
    }
  expect("ldmatrix gives each lane its pairs", plain);
  expect("ldmatrix.trans gives each lane its pairs", transposed);
  expectClose("mma.m16n8k16", sums, expected, f32Tolerance);
});

}  // namespace
}  // namespace kernel_tests
