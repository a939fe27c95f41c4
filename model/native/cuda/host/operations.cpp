// Embeddings, norms, rotary positions, SwiGLU, the loss: operations that read and write each element about once.
#include "operations.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace apt3::cuda::operations {

int narrow(int64_t value) {
  if (value > INT32_MAX) throw std::runtime_error("a matrix side of " + std::to_string(value) + " is too large");
  return static_cast<int>(value);
}

void checkRange(const Block& block, const char* what) {
  if (!block.written || !block.allowed) return;
  const auto [lowest, highest] = *block.allowed;
  for (const int32_t value : {block.written->lowest, block.written->highest}) {
    if (value >= lowest && value <= highest) continue;
    throw std::runtime_error(std::string(what) + " " + std::to_string(value) + " is not in " + std::to_string(lowest) +
                             "…" + std::to_string(highest));
  }
}

void allow(const Matrix& integers, Range range, const char* what) {
  integers.block->allowed = range;
  checkRange(*integers.block, what);
}

namespace {

/** Grid of kernels that take eight columns a thread, and rows by their second dimension. */
Grid eightColumns(int64_t rows, int64_t columns) { return {upwards(upwards(columns, 8), 256), rows}; }

const Kernel& byType(const Matrix& matrix, const Kernel& bf16, const Kernel& f32) {
  return matrix.dtype == DType::bf16 ? bf16 : f32;
}

void allowIds(const Matrix& ids, const Matrix& weight) {
  allow(ids, {0, static_cast<int32_t>(weight.rows - 1)}, "token id");
}

}  // namespace

void convert(Gpu& gpu, const Matrix& from, int64_t fromRow, const Matrix& to, int64_t toRow, int64_t rows) {
  const bool wide = to.dtype == DType::f32;
  const Kernel& kernel = from.dtype == DType::f32 ? (wide ? convertF32ToF32 : convertF32ToBf16)
                                                  : (wide ? convertBf16ToF32 : convertBf16ToBf16);
  constexpr int64_t mostRows = 65535;  // Of one launch.
  for (int64_t first = 0; first < rows; first += mostRows) {
    const int64_t count = std::min(mostRows, rows - first);
    const ConvertParams parameters{gpu.at(from, fromRow + first), gpu.at(to, toRow + first), narrow(count),
                                   narrow(from.columns),          narrow(from.ld()),         narrow(to.ld())};
    gpu.launch(kernel, eightColumns(count, from.columns), parameters);
  }
}

void embedding(Gpu& gpu, const Matrix& ids, const Matrix& weight, const Matrix& out) {
  allowIds(ids, weight);
  const EmbeddingParams parameters{gpu.at(ids),         gpu.at(weight),      gpu.at(out),         narrow(out.rows),
                                   narrow(out.columns), narrow(weight.rows), narrow(weight.ld()), narrow(out.ld())};
  gpu.launch(byType(weight, embeddingBf16, embeddingF32), eightColumns(out.rows, out.columns), parameters);
}

void embeddingBackward(Gpu& gpu, const Matrix& ids, const Matrix& dOut, const Matrix& dWeight) {
  allowIds(ids, dWeight);
  const EmbeddingBackwardParams parameters{
      gpu.at(ids),          gpu.at(dOut),         gpu.at(dWeight),   narrow(dOut.rows),
      narrow(dOut.columns), narrow(dWeight.rows), narrow(dOut.ld()), narrow(dWeight.ld())};
  gpu.launch(cuda::embeddingBackward, {dOut.rows, upwards(dOut.columns, 1024)}, parameters);
}

void rmsNorm(Gpu& gpu, const Matrix& x, const Matrix& gain, double epsilon, const Matrix& out, const Matrix& scale) {
  const RmsNormParams parameters{
      gpu.at(x),         gpu.at(gain),   gpu.at(out),      gpu.at(scale),      narrow(x.rows),
      narrow(x.columns), narrow(x.ld()), narrow(out.ld()), narrow(scale.ld()), static_cast<float>(epsilon)};
  gpu.launch(byType(out, rmsNormBf16, rmsNormF32), {upwards(x.rows, 8)}, parameters);
}

void rmsNormBackward(Gpu& gpu, const Matrix& x, const Matrix& gain, const Matrix& scale, const Matrix& dOut,
                     const Matrix& dX, const Matrix& dGain) {
  // About two blocks a multiprocessor; model/backends/cuda/layout.ts plans the memory of their partial sums.
  const int64_t rowsPerBlock = upwards(x.rows, 2 * static_cast<int64_t>(gpu.facts.multiprocessors));
  const int64_t blocks = upwards(x.rows, rowsPerBlock);
  const int64_t ldPartials = upwards(x.columns, 8) * 8;
  RmsNormBackwardParams p{};
  p.x = gpu.at(x);
  p.gain = gpu.at(gain);
  p.scale = gpu.at(scale);
  p.dOut = gpu.at(dOut);
  p.dX = gpu.at(dX);
  p.partials = gpu.scratch(Scratch::gainPartials, static_cast<size_t>(blocks * ldPartials) * sizeof(float));
  p.dGain = gpu.at(dGain);
  p.rows = narrow(x.rows);
  p.columns = narrow(x.columns);
  p.rowsPerBlock = narrow(rowsPerBlock);
  p.blocks = narrow(blocks);
  p.ldx = narrow(x.ld());
  p.ldScale = narrow(scale.ld());
  p.lddOut = narrow(dOut.ld());
  p.lddX = narrow(dX.ld());
  p.ldPartials = narrow(ldPartials);
  gpu.launch(byType(dOut, rmsNormBackwardBf16, rmsNormBackwardF32), {blocks}, p, rmsNormBackwardShared(p.columns));
  gpu.launch(rmsNormGain, {upwards(x.columns, 32)}, p);
}

void rope(Gpu& gpu, const Matrix& x, int64_t heads, int64_t headSize, const Matrix& positions, const Matrix& table,
          double direction) {
  allow(positions, {0, static_cast<int32_t>(table.rows - 1)}, "position");
  const RopeParams parameters{gpu.at(x),        gpu.at(positions), gpu.at(table),      narrow(x.rows),
                              narrow(heads),    narrow(headSize),  narrow(x.ld()),     narrow(table.ld()),
                              static_cast<float>(direction)};
  gpu.launch(byType(x, ropeBf16, ropeF32), {upwards(x.rows * heads * upwards(headSize / 2, 8), 256)}, parameters);
}

void swiglu(Gpu& gpu, const Matrix& gateUp, const Matrix& out) {
  const SwigluParams parameters{gpu.at(gateUp),      gpu.at(out),         narrow(out.rows),
                                narrow(out.columns), narrow(gateUp.ld()), narrow(out.ld())};
  gpu.launch(byType(out, swigluBf16, swigluF32), eightColumns(out.rows, out.columns), parameters);
}

void swigluBackward(Gpu& gpu, const Matrix& gateUp, const Matrix& dOut, const Matrix& dGateUp) {
  const SwigluBackwardParams parameters{gpu.at(gateUp),       gpu.at(dOut),        gpu.at(dGateUp),
                                        narrow(dOut.rows),    narrow(dOut.columns), narrow(gateUp.ld()),
                                        narrow(dOut.ld()),    narrow(dGateUp.ld())};
  gpu.launch(byType(dOut, swigluBackwardBf16, swigluBackwardF32), eightColumns(dOut.rows, dOut.columns), parameters);
}

void crossEntropy(Gpu& gpu, const Matrix& logits, const Matrix& targets, const Matrix& sums, double gradientScale) {
  allow(targets, {-100, static_cast<int32_t>(logits.columns - 1)}, "target");
  const CrossEntropyParams parameters{
      gpu.at(logits),       gpu.at(targets),
      gpu.scratch(Scratch::rowLosses, static_cast<size_t>(logits.rows) * 2 * sizeof(float)),
      gpu.at(sums),         narrow(logits.rows),
      narrow(logits.columns), narrow(logits.ld()),
      static_cast<float>(gradientScale)};
  gpu.launch(byType(logits, crossEntropyBf16, crossEntropyF32), {logits.rows}, parameters);
  gpu.launch(crossEntropySums, {}, parameters);
}

}  // namespace apt3::cuda::operations
