// Matrix products, and the fused way in and out of the MLP.
#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "operations.h"

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

void multiplyFloats(Gpu& gpu, Transposition transposition, const Matrix& a, const Matrix& b, const Matrix& out,
                    const Matrix& plus) {
  const auto [m, n, k] = sidesOf(transposition, a, out);
  const bool aTurned = transposition == Transposition::tn;
  const bool bTurned = transposition == Transposition::nt;
  GemmFloatParams p{};
  p.a = gpu.at(a);
  p.b = gpu.at(b);
  p.out = gpu.at(out);
  p.plus = gpu.atOptional(plus);
  p.m = narrow(m);
  p.n = narrow(n);
  p.k = narrow(k);
  p.aRow = aTurned ? 1 : a.ld();
  p.aColumn = aTurned ? a.ld() : 1;
  p.bRow = bTurned ? 1 : b.ld();
  p.bColumn = bTurned ? b.ld() : 1;
  p.ldout = narrow(out.ld());
  p.ldplus = plus.present() ? narrow(plus.ld()) : 0;
  gpu.launch(gemmFloat, {upwards(n, 32), upwards(m, 32)}, p);
}

void multiplyOwn(Gpu& gpu, Transposition transposition, const GemmParams& p) {
  const GemmTile& tile = tileFor(gpu.facts.multiprocessors, p.m, p.n);
  const Kernel& kernel = transposition == Transposition::nt   ? tile.nt
                         : transposition == Transposition::nn ? tile.nn
                                                              : tile.tn;
  gpu.launch(kernel, {upwards(p.m, tile.rows) * upwards(p.n, tile.columns)}, p);
}

/** The product as cuBLASLt's column-major one: outᵀ = op(b)ᵀ · op(a)ᵀ. */
LtProduct ltProduct(Transposition transposition, const GemmParams& p) {
  return {p.b,     p.a,
          p.plus,  p.out,
          p.m,     p.n,
          p.k,     p.ldb,
          p.lda,   p.ldplus,
          p.ldout, transposition == Transposition::nt,
          transposition == Transposition::tn, p.outFloat32 != 0};
}

std::string keyOf(Transposition transposition, const GemmParams& p) {
  const char* names[] = {"nt", "nn", "tn"};
  std::string key = names[static_cast<int>(transposition)];
  for (const int side : {p.m, p.n, p.k}) key += "x" + std::to_string(side);
  key += p.outFloat32 != 0 ? "-f32" : "-bf16";
  return p.plus == 0 ? key : key + "-plus";
}

/**
 * Times our kernel and cuBLASLt's ways on the operands themselves and a result of its own, adding where the product adds:
 * how fast an algorithm is depends on it, though the library's heuristic does not ask.
 */
ProductChoice measure(Gpu& gpu, const CublasLt& library, Transposition transposition, GemmParams p,
                      const Matrix& out) {
  Matrix result = out;
  result.block = gpu.temporary(out.block->bytes);
  const bool accumulates = p.plus == p.out;
  p.out = result.block->address;
  if (accumulates) p.plus = p.out;
  const LtProduct product = ltProduct(transposition, p);
  const DeviceAddress workspace = gpu.scratch(Scratch::product, CublasLt::workspaceBytes);
  std::vector<ProductChoice> ways{std::nullopt};
  std::vector<float> times{gpu.time([&] { multiplyOwn(gpu, transposition, p); })};
  constexpr int most = 8;
  for (const LtAlgorithm& algorithm : library.algorithms(product, most)) {
    bool works = true;
    const float time =
        gpu.time([&] { works = works && library.multiply(product, algorithm, workspace, gpu.compute()); });
    if (!works) continue;
    ways.push_back(algorithm);
    times.push_back(time);
  }
  return ways[fastest(times)];
}

/** Leaves a product to cuBLASLt if that was measured to be faster; false if it was not, or there is none. */
bool multiplyFast(Gpu& gpu, Transposition transposition, const GemmParams& p, const Matrix& out) {
  FastProducts* fast = gpu.fastProducts();
  if (fast == nullptr) return false;
  const std::string key = keyOf(transposition, p);
  const ProductChoice* choice = fast->choices.find(key);
  if (choice == nullptr) {
    if (gpu.recording()) return false;  // Nothing can be measured now.
    fast->choices.add(key, measure(gpu, *fast->library, transposition, p, out));
    gpu.releaseUnused();
    choice = fast->choices.find(key);
  }
  return choice->has_value() &&
         fast->library->multiply(ltProduct(transposition, p), **choice,
                                 gpu.scratch(Scratch::product, CublasLt::workspaceBytes), gpu.compute());
}

}  // namespace

void matmul(Gpu& gpu, Transposition transposition, const Matrix& a, const Matrix& b, const Matrix& out,
            const Matrix& plus) {
  if (a.dtype == DType::f32) {
    if (out.dtype != DType::f32) throw std::runtime_error("a product of float32 matrices is float32");
    return multiplyFloats(gpu, transposition, a, b, out, plus);
  }
  const auto [m, n, k] = sidesOf(transposition, a, out);
  GemmParams p{};
  p.a = gpu.at(a);
  p.b = gpu.at(b);
  p.out = gpu.at(out);
  p.plus = gpu.atOptional(plus);
  p.m = narrow(m);
  p.n = narrow(n);
  p.k = narrow(k);
  p.lda = narrow(a.ld());
  p.ldb = narrow(b.ld());
  p.ldout = narrow(out.ld());
  p.ldplus = plus.present() ? narrow(plus.ld()) : 0;
  p.outFloat32 = out.dtype == DType::f32 ? 1 : 0;
  if (!multiplyFast(gpu, transposition, p, out)) multiplyOwn(gpu, transposition, p);
}

void matmulSwiglu(Gpu& gpu, const Matrix& x, const Matrix& weight, const Matrix& gateUp, const Matrix& out) {
  if (x.dtype == DType::f32) {
    matmul(gpu, Transposition::nt, x, weight, gateUp, {});
    return swiglu(gpu, gateUp, out);
  }
  const GemmSwigluParams parameters{gpu.at(x),         gpu.at(weight),      gpu.at(gateUp),      gpu.at(out),
                                    narrow(x.rows),    narrow(out.columns), narrow(x.columns),   narrow(x.ld()),
                                    narrow(weight.ld()), narrow(gateUp.ld()), narrow(out.ld())};
  gpu.launch(gemmSwiglu, {upwards(x.rows, 128) * upwards(out.columns, 64)}, parameters);
}

void matmulSwigluBackward(Gpu& gpu, const Matrix& dOut, const Matrix& weight, const Matrix& gateUp,
                          const Matrix& dHidden, const Matrix& dGateUp) {
  if (dOut.dtype == DType::f32) {
    matmul(gpu, Transposition::nn, dOut, weight, dHidden, {});
    return swigluBackward(gpu, gateUp, dHidden, dGateUp);
  }
  const GemmSwigluBackwardParams parameters{
      gpu.at(dOut),           gpu.at(weight),       gpu.at(gateUp),     gpu.at(dGateUp),
      narrow(dOut.rows),      narrow(weight.columns), narrow(dOut.columns), narrow(dOut.ld()),
      narrow(weight.ld()),    narrow(gateUp.ld()),  narrow(dGateUp.ld())};
  gpu.launch(gemmSwigluBackward, {upwards(dOut.rows, 128) * upwards(weight.columns, 128)}, parameters);
}

}  // namespace apt3::cuda::operations
