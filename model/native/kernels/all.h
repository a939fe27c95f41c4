// Every operation, compiled once for each instruction set by the including file: inside its namespace, with its
// target, after `width` and the standard headers.
#include "simd.h"
#include "rows.h"
#include "steps.h"
#include "packing.h"
#include "ahead.h"
#include "tile.h"
#include "row_operand.h"
#include "tile_results.h"
#include "cells.h"
#include "block_product.h"
#include "matmul.h"
#include "matmul_swiglu.h"
#include "attention_blocks.h"
#include "attention.h"
#include "attention_gradients.h"
#include "attention_backward.h"
#include "cached_attention.h"
#include "loss.h"
#include "optimizer.h"
#include "peak.h"

int64_t workspaceBytes(const AttentionShape& shape, int threads) {
  const int64_t rowFloats = groupRowPanels * tileRows * threads * copiedStride<float>(blockSteps);
  const int64_t columnFloats = (mostPackedPanels + threads) * tileColumns * blockSteps;
  const int64_t matmulFloats = rowFloats + columnFloats + blockRows * blockColumns;
  const int64_t attentionFloats = std::max(forwardScratch(shape), backwardScratch(shape)) * threads;
  return static_cast<int64_t>(sizeof(float)) * (matmulFloats + attentionFloats);
}

inline Operations listOperations(const char* instructionSet) {
  Operations all{};
  all.instructionSet = instructionSet;
  all.convert = convert;
  all.embedding = embedding;
  all.embeddingBackward = embeddingBackward;
  all.rmsNorm = rmsNorm;
  all.rmsNormBackward = rmsNormBackward;
  all.matmul = matmul;
  all.rope = rope;
  all.attention = attention;
  all.attentionBackward = attentionBackward;
  all.cachedAttention = cachedAttention;
  all.swiglu = swiglu;
  all.swigluBackward = swigluBackward;
  all.matmulSwiglu = matmulSwiglu;
  all.matmulSwigluBackward = matmulSwigluBackward;
  all.crossEntropy = crossEntropy;
  all.squaredNorm = squaredNorm;
  all.adamw = adamw;
  all.peakProducts = peakProducts;
  all.workspaceBytes = workspaceBytes;
  return all;
}
