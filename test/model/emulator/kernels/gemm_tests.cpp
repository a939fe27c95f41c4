// Every layout, tile and way out of the matrix product, at sides of one, odd, and just over the tiles'.
#include <cmath>
#include <string>

#include "device.h"

namespace kernel_tests {
namespace {

using namespace apt3::cuda;
using Values = std::vector<float>;

float at(const Values& values, int row, int column, int columns) {
  return values[static_cast<size_t>(row) * static_cast<size_t>(columns) + static_cast<size_t>(column)];
}

/** op(a)[m,k] · op(b)[k,n] in float64. */
Values product(const Values& a, const Values& b, int m, int n, int k, bool aByK, bool bByK) {
  Values out;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int e = 0; e < k; e++)
        sum += static_cast<double>(aByK ? at(a, e, i, m) : at(a, i, e, k)) * (bByK ? at(b, e, j, n) : at(b, j, e, k));
      out.push_back(static_cast<float>(sum));
    }
  return out;
}

struct Size {
  int m, n, k;
};

void testProduct(const GemmTile& tile, int layout, Size size, bool float32, bool adding) {
  const auto [m, n, k] = size;
  const bool aByK = layout == 2;
  const bool bByK = layout > 0;
  const Kernel& kernel = layout == 0 ? tile.nt : layout == 1 ? tile.nn : tile.tn;
  Values a, b, plus;
  const Matrix left = aByK ? createRandom(Type::bf16, k, m, a) : createRandom(Type::bf16, m, k, a);
  const Matrix right = bByK ? createRandom(Type::bf16, k, n, b) : createRandom(Type::bf16, n, k, b);
  const Type type = float32 ? Type::f32 : Type::bf16;
  const Matrix out = createRandom(type, m, n, plus);
  launch(kernel, {divideUp(m, tile.rows) * divideUp(n, tile.columns)},
         GemmParams{left.address, right.address, out.address, adding ? out.address : 0, m, n, k, left.ld, right.ld,
                    out.ld, out.ld, float32});
  Values expected = product(a, b, m, n, k, aByK, bByK);
  for (size_t i = 0; adding && i < expected.size(); i++) expected[i] += plus[i];
  expectClose(std::string(kernel.name) + " " + std::to_string(m) + "×" + std::to_string(n) + "×" + std::to_string(k) +
                  (float32 ? " f32" : "") + (adding ? " plus" : ""),
              read(out), expected, float32 ? f32Tolerance : bf16Tolerance);
}

const Suite products("gemm", [] {
  const Size sizes[] = {{1, 1, 1}, {7, 3, 5}, {130, 31, 129}, {65, 129, 33}, {128, 128, 96}, {257, 70, 200}};
  for (const GemmTile& tile : gemmTiles)
    for (int layout = 0; layout < 3; layout++)
      for (const Size& size : sizes)
        for (const bool adding : {false, true}) {
          testProduct(tile, layout, size, false, adding);
          testProduct(tile, layout, size, true, adding);
        }
  // More than one group of tiles of rows.
  testProduct(gemmTiles[2], 0, {64 * 9 + 1, 130, 40}, false, false);
});

const Suite plainProducts("gemm_f32", [] {
  for (int layout = 0; layout < 3; layout++)
    for (const Size& size : {Size{1, 1, 1}, Size{7, 3, 5}, Size{33, 65, 70}}) {
      const auto [m, n, k] = size;
      Values a, b, plus;
      const Matrix left = layout == 2 ? createRandom(Type::f32, k, m, a) : createRandom(Type::f32, m, k, a);
      const Matrix right = layout > 0 ? createRandom(Type::f32, k, n, b) : createRandom(Type::f32, n, k, b);
      const Matrix out = createRandom(Type::f32, m, n, plus);
      launch(gemmFloat, {divideUp(n, 32), divideUp(m, 32)},
             GemmFloatParams{left.address, right.address, out.address, out.address, m, n, k, layout == 2 ? 1 : left.ld,
                             layout == 2 ? left.ld : 1, layout > 0 ? right.ld : 1, layout > 0 ? 1 : right.ld, out.ld, out.ld});
      Values expected = product(a, b, m, n, k, layout == 2, layout > 0);
      for (size_t i = 0; i < expected.size(); i++) expected[i] += plus[i];
      expectClose("apt3_gemm_f32 layout " + std::to_string(layout) + " of " + std::to_string(m), read(out), expected,
                  f32Tolerance);
    }
});

float silu(float x) { return x / (1 + std::exp(-x)); }

const Suite fused("gemm_swiglu", [] {
  for (const Size& size : {Size{3, 5, 7}, Size{130, 72, 64}, Size{129, 200, 40}}) {
    const auto [m, features, k] = size;
    Values a, weights, down, gradient, ignored;
    const Matrix left = createRandom(Type::bf16, m, k, a);
    const Matrix right = createRandom(Type::bf16, 2 * features, k, weights);
    const Matrix gateUp = create(Type::bf16, m, 2 * features);
    const Matrix hidden = create(Type::bf16, m, features);
    launch(gemmSwiglu, {divideUp(m, 128) * divideUp(features, 64)},
           GemmSwigluParams{left.address, right.address, gateUp.address, hidden.address, m, features, k, left.ld,
                            right.ld, gateUp.ld, hidden.ld});
    const std::string name = " " + std::to_string(m) + "×" + std::to_string(features);
    const Values kept = read(gateUp);
    expectClose("apt3_gemm_swiglu gate and up" + name, kept, product(a, weights, m, 2 * features, k, false, false),
                bf16Tolerance);
    Values products;
    for (int i = 0; i < m; i++)
      for (int j = 0; j < features; j++)
        products.push_back(silu(at(kept, i, j, 2 * features)) * at(kept, i, features + j, 2 * features));
    expectClose("apt3_gemm_swiglu hidden" + name, read(hidden), products, bf16Tolerance);

    const Matrix dOut = createRandom(Type::bf16, m, k, gradient);
    const Matrix weight = createRandom(Type::bf16, k, features, down);
    launch(gemmSwigluBackward, {divideUp(m, 128) * divideUp(features, 128)},
           GemmSwigluBackwardParams{dOut.address, weight.address, gateUp.address, gateUp.address, m, features, k,
                                    dOut.ld, weight.ld, gateUp.ld, gateUp.ld});
    const Values dHidden = product(gradient, down, m, features, k, false, true);
    Values expected(kept.size());
    for (int i = 0; i < m; i++)
      for (int j = 0; j < features; j++) {
        const float gate = at(kept, i, j, 2 * features);
        const float up = at(kept, i, features + j, 2 * features);
        const float d = at(dHidden, i, j, features);
        const float open = 1 / (1 + std::exp(-gate));
        expected[static_cast<size_t>(i * 2 * features + j)] = d * up * open * (1 + gate * (1 - open));
        expected[static_cast<size_t>(i * 2 * features + features + j)] = d * gate * open;
      }
    expectClose("apt3_gemm_swiglu_backward" + name, read(gateUp), expected, 2 * bf16Tolerance);
  }
});

}  // namespace
}  // namespace kernel_tests
