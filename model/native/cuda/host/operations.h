#pragma once
#include <vector>

#include "../../operations.h"
#include "gpu.h"

namespace apt3::cuda::operations {

/*
 * The operations of model/backend.ts, which says what each computes. They enqueue kernels on the device's compute
 * stream. Shapes have been checked by the caller; contents of integers (token ids, positions) are checked here, and from
 * then on whenever they are written.
 */

void convert(Gpu&, const Matrix& from, int64_t fromRow, const Matrix& to, int64_t toRow, int64_t rows);
void embedding(Gpu&, const Matrix& ids, const Matrix& weight, const Matrix& out);
void embeddingBackward(Gpu&, const Matrix& ids, const Matrix& dOut, const Matrix& dWeight);
void rmsNorm(Gpu&, const Matrix& x, const Matrix& gain, double epsilon, const Matrix& out, const Matrix& scale);
void rmsNormBackward(Gpu&, const Matrix& x, const Matrix& gain, const Matrix& scale, const Matrix& dOut,
                     const Matrix& dX, const Matrix& dGain);
void matmul(Gpu&, Transposition, const Matrix& a, const Matrix& b, const Matrix& out, const Matrix& plus);
void matmulSwiglu(Gpu&, const Matrix& x, const Matrix& weight, const Matrix& gateUp, const Matrix& out);
void matmulSwigluBackward(Gpu&, const Matrix& dOut, const Matrix& weight, const Matrix& gateUp,
                          const Matrix& dHidden, const Matrix& dGateUp);
void rope(Gpu&, const Matrix& x, int64_t heads, int64_t headSize, const Matrix& positions, const Matrix& table,
          double direction);
void attention(Gpu&, const AttentionShape&, const Matrix& qkv, const Matrix& documentStarts, const Matrix& out,
               const Matrix& logSumExp);
void attentionBackward(Gpu&, const AttentionShape&, const Matrix& qkv, const Matrix& documentStarts,
                       const Matrix& out, const Matrix& logSumExp, const Matrix& dOut, const Matrix& dQkv,
                       const Matrix& rowSums);
void cachedAttention(Gpu&, const AttentionShape&, int64_t capacity, const Matrix& positions, const Matrix& qkv,
                     const Matrix& cache, const Matrix& out);
void swiglu(Gpu&, const Matrix& gateUp, const Matrix& out);
void swigluBackward(Gpu&, const Matrix& gateUp, const Matrix& dOut, const Matrix& dGateUp);
/** `gradientScale` 0 means: leave the logits alone. */
void crossEntropy(Gpu&, const Matrix& logits, const Matrix& targets, const Matrix& sums, double gradientScale);
void squaredNorm(Gpu&, const std::vector<Matrix>& buffers, const Matrix& out);
void adamw(Gpu&, const Matrix& weight, const Matrix& master, const Matrix& gradient, const Matrix& firstMoment,
           const Matrix& secondMoment, const Matrix& squaredNorm, const AdamWStep&);

/** Checks what was last written to integers, and has every later write checked. */
void allow(const Matrix& integers, Range range, const char* what);
/** @throws std::runtime_error if values outside the allowed range have been written */
void checkRange(const Block& block, const char* what);

constexpr int64_t upwards(int64_t value, int64_t by) { return (value + by - 1) / by; }

/** A size that the kernels count in 32 bits. */
int narrow(int64_t value);

}  // namespace apt3::cuda::operations
