#pragma once
#include <vector>

#include "engine.h"

namespace apt3 {

/** Which of the three products of `Backend.matmul`. */
enum class Transposition { nt, nn, tn };

struct AdamWStep {
  double learningRate, beta1, beta2, epsilon, update, weightDecay, maxNorm;
  /** Of the noise that rounds moments in bf16 (model/stochastic-rounding.ts). */
  double roundingSeed;
};

/**
 * The operations of model/backend.ts, which says what each computes; one table for every instruction set. Shapes have
 * been checked by the caller; contents (token ids, positions) are checked here, by exceptions.
 */
struct Operations {
  const char* instructionSet;

  void (*convert)(Engine&, const Buffer& from, int64_t fromRow, const Buffer& to, int64_t toRow, int64_t rows);
  void (*embedding)(Engine&, const Buffer& ids, const Buffer& weight, const Buffer& out);
  void (*embeddingBackward)(Engine&, const Buffer& ids, const Buffer& dOut, const Buffer& dWeight);
  void (*rmsNorm)(Engine&, const Buffer& x, const Buffer& gain, double epsilon, const Buffer& out,
                  const Buffer& scale);
  void (*rmsNormBackward)(Engine&, const Buffer& x, const Buffer& gain, const Buffer& scale, const Buffer& dOut,
                          const Buffer& dX, const Buffer& dGain);
  void (*matmul)(Engine&, Transposition, const Buffer& a, const Buffer& b, const Buffer& out, const Buffer& plus);
  void (*rope)(Engine&, const Buffer& x, int64_t heads, int64_t headSize, const Buffer& positions,
               const Buffer& table, double direction);
  void (*attention)(Engine&, const AttentionShape&, const Buffer& qkv, const Buffer& documentStarts,
                    const Buffer& out, const Buffer& logSumExp);
  void (*attentionBackward)(Engine&, const AttentionShape&, const Buffer& qkv, const Buffer& documentStarts,
                            const Buffer& out, const Buffer& logSumExp, const Buffer& dOut, const Buffer& dQkv,
                            const Buffer& rowSums);
  void (*cachedAttention)(Engine&, const AttentionShape&, int64_t capacity, const Buffer& positions,
                          const Buffer& qkv, const Buffer& cache, const Buffer& out);
  void (*swiglu)(Engine&, const Buffer& gateUp, const Buffer& out);
  void (*swigluBackward)(Engine&, const Buffer& gateUp, const Buffer& dOut, const Buffer& dGateUp);
  void (*matmulSwiglu)(Engine&, const Buffer& x, const Buffer& weight, const Buffer& gateUp, const Buffer& out);
  void (*matmulSwigluBackward)(Engine&, const Buffer& dOut, const Buffer& weight, const Buffer& gateUp,
                               const Buffer& dHidden, const Buffer& dGateUp);
  /** `gradientScale` 0 means: leave the logits alone. */
  void (*crossEntropy)(Engine&, const Buffer& logits, const Buffer& targets, const Buffer& sums,
                       double gradientScale);
  void (*squaredNorm)(Engine&, const std::vector<Buffer>& buffers, const Buffer& out);
  void (*adamw)(Engine&, const Buffer& weight, const Buffer& master, const Buffer& gradient,
                const Buffer& firstMoment, const Buffer& secondMoment, const Buffer& squaredNorm,
                const AdamWStep&);

  /** No operation of the contract: how fast products can be at most. */
  void (*peakProducts)(Engine&, DType, double billions, const Buffer& out);

  /** Most scratch memory a micro-batch of this shape takes. */
  int64_t (*workspaceBytes)(const AttentionShape&, int threads);
};

/** Four floats at a time, which every x86-64 (SSE2) and ARM64 (NEON) has; plain loops elsewhere. */
extern const Operations plainOperations;
#if defined(__x86_64__)
extern const Operations avx2Operations;
extern const Operations avx512Operations;
extern const Operations avx512bf16Operations;
#endif

}  // namespace apt3
