// Matrix products, and the fused way in and out of the MLP.
#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

#include "operations.h"
#include "products.h"

namespace apt3::cuda::operations {
namespace {

/** The largest tile that gives each multiprocessor a block; of small products the one with the most blocks. */
const GemmTile& tileFor(int multiprocessors, int64_t m, int64_t n) {
  const auto* found = std::find_if(std::begin(gemmTiles), std::end(gemmTiles), [&](const GemmTile& tile) {
    return upwards(m, tile.rows) * upwards(n, tile.columns) >= multiprocessors;
  });
  return found == std::end(gemmTiles) ? *std::prev(found) : *found;
}

/** m, n and k of out[m,n] = op(a)[m,k] · op(b)[k,n]. */
struct Sides {
  int64_t m, n, k;
};

Sides sidesOf(Transposition transposition, const Matrix& a, const Matrix& out) {
  return {out.rows, out.columns, transposition == Transposition::tn ? a.rows : a.columns};
}

/** What both kinds of product kernels are told. */
template <class Parameters>
Parameters productParams(Gpu& gpu, Transposition transposition, const Matrix& a, const Matrix& b, const Matrix& out,
                         const Matrix& plus) {
  const auto [m, n, k] = sidesOf(transposition, a, out);
  Parameters p{};
  p.a = gpu.at(a);
  p.b = gpu.at(b);
  p.out = gpu.at(out);
  p.plus = gpu.atOptional(plus);
  p.m = narrow(m);
  p.n = narrow(n);
  p.k = narrow(k);
  p.ldout = narrow(out.ld());
  p.ldplus = plus.present() ? narrow(plus.ld()) : 0;
  return p;
}

void multiplyFloats(Gpu& gpu, Transposition transposition, const Matrix& a, const Matrix& b, const Matrix& out,
                    const Matrix& plus) {
  const bool aTurned = transposition == Transposition::tn;
  const bool bTurned = transposition == Transposition::nt;
  auto p = productParams<GemmFloatParams>(gpu, transposition, a, b, out, plus);
  p.aRow = aTurned ? 1 : a.ld();
  p.aColumn = aTurned ? a.ld() : 1;
  p.bRow = bTurned ? 1 : b.ld();
  p.bColumn = bTurned ? b.ld() : 1;
  gpu.launch(gemmFloat, {upwards(out.columns, 32), upwards(out.rows, 32)}, p);
}

void multiplyOwn(Gpu& gpu, Transposition transposition, const GemmParams& p) {
  const GemmTile& tile = tileFor(gpu.facts.multiprocessors, p.m, p.n);
  const Kernel& kernel = transposition == Transposition::nt   ? tile.nt
                         : transposition == Transposition::nn ? tile.nn
                                                              : tile.tn;
  gpu.launch(kernel, {upwards(p.m, tile.rows) * upwards(p.n, tile.columns)}, p);
}

GemmParams gemmParams(Gpu& gpu, Transposition transposition, const Matrix& a, const Matrix& b, const Matrix& out,
                      const Matrix& plus) {
  auto p = productParams<GemmParams>(gpu, transposition, a, b, out, plus);
  p.lda = narrow(a.ld());
  p.ldb = narrow(b.ld());
  p.outFloat32 = out.dtype == DType::f32 ? 1 : 0;
  return p;
}

/**
 * The product as cuBLASLt's column-major one: outᵀ = op(b)ᵀ · op(a)ᵀ, with long sides padded as they lie in memory. The
 * padding holds zeros, so the result's padding gets zeros.
 */
LtProduct ltProduct(Transposition transposition, const GemmParams& p) {
  const auto padded = [](int side) { return narrow(paddedSide(side)); };
  return {p.b,     p.a,
          p.plus,  p.out,
          padded(p.m), padded(p.n),
          padded(p.k), p.ldb,
          p.lda,   p.ldplus,
          p.ldout, transposition == Transposition::nt,
          transposition == Transposition::tn, p.outFloat32 != 0};
}

std::string keyOf(const char* kind, const GemmParams& p) {
  std::string key = std::string(kind) + "-" + std::to_string(p.m) + "x" + std::to_string(p.n) + "x" + std::to_string(p.k);
  key += p.outFloat32 != 0 ? "-f32" : "-bf16";
  return p.plus == 0 ? key : key + "-plus";
}

/** A matrix like another one, with memory of its own. */
Matrix temporaryLike(Gpu& gpu, const Matrix& matrix) {
  Matrix made = matrix;
  made.block = gpu.temporary(matrix.bytes());
  return made;
}

}  // namespace

void matmul(Gpu& gpu, Transposition transposition, const Matrix& a, const Matrix& b, const Matrix& out,
            const Matrix& plus) {
  if (a.dtype == DType::f32) {
    if (out.dtype != DType::f32) throw std::runtime_error("a product of float32 matrices is float32");
    return multiplyFloats(gpu, transposition, a, b, out, plus);
  }
  const auto ways = [&](const Matrix& result, const Matrix& added) {
    const GemmParams p = gemmParams(gpu, transposition, a, b, result, added);
    // It holds the result, whose memory may be a trial's own.
    return ProductWays{[&gpu, transposition, p, result] { multiplyOwn(gpu, transposition, p); },
                       ltProduct(transposition, p)};
  };
  const char* names[] = {"nt", "nn", "tn"};
  const GemmParams shape = gemmParams(gpu, transposition, a, b, out, plus);
  // Measured on a result of its own: `out` may be among the operands.
  computeProduct(gpu, keyOf(names[static_cast<int>(transposition)], shape), ways(out, plus), [&] {
    const Matrix result = temporaryLike(gpu, out);
    return ways(result, plus.block == out.block ? result : plus);
  });
}

void matmulSwiglu(Gpu& gpu, const Matrix& x, const Matrix& weight, const Matrix& gateUp, const Matrix& out) {
  if (x.dtype == DType::f32) {
    matmul(gpu, Transposition::nt, x, weight, gateUp, {});
    return swiglu(gpu, gateUp, out);
  }
  const GemmParams product = gemmParams(gpu, Transposition::nt, x, weight, gateUp, {});
  const GemmSwigluParams fused{product.a,   product.b,   product.out,   gpu.at(out),   product.m,        narrow(out.columns),
                               product.k,   product.lda, product.ldb,   product.ldout, narrow(out.ld())};
  const Grid grid{upwards(x.rows, 128) * upwards(out.columns, 64)};
  const ProductWays ways{[&gpu, fused, grid] { gpu.launch(gemmSwiglu, grid, fused); },
                         ltProduct(Transposition::nt, product), [&] { swiglu(gpu, gateUp, out); }};
  // Both results only depend on the operands: measuring may write them.
  computeProduct(gpu, keyOf("swiglu", product), ways, [&] { return ways; });
}

void matmulSwigluBackward(Gpu& gpu, const Matrix& dOut, const Matrix& weight, const Matrix& gateUp,
                          const Matrix& dHidden, const Matrix& dGateUp) {
  if (dOut.dtype == DType::f32) {
    matmul(gpu, Transposition::nn, dOut, weight, dHidden, {});
    return swigluBackward(gpu, gateUp, dHidden, dGateUp);
  }
  const GemmParams product = gemmParams(gpu, Transposition::nn, dOut, weight, dHidden, {});
  const auto ways = [&](const Matrix& result) {
    const GemmSwigluBackwardParams fused{product.a, product.b,   gpu.at(gateUp), gpu.at(result),      product.m,         product.n,
                                         product.k, product.lda, product.ldb,    narrow(gateUp.ld()), narrow(result.ld())};
    const Grid grid{upwards(product.m, 128) * upwards(product.n, 128)};
    return ProductWays{[&gpu, fused, grid] { gpu.launch(gemmSwigluBackward, grid, fused); },
                       ltProduct(Transposition::nn, product),
                       [&, result] { swigluBackward(gpu, gateUp, dHidden, result); }};
  };
  // Measured on a result of its own: `dGateUp` may be `gateUp`.
  computeProduct(gpu, keyOf("swiglu-backward", product), ways(dGateUp),
                 [&] { return ways(temporaryLike(gpu, dGateUp)); });
}

}  // namespace apt3::cuda::operations
