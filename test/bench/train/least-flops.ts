import { headSize, type ModelConfig, qkvWidth } from "../../../model/config.ts";

/**
 * Floating-point operations that training on one token cannot do without, forward and backward: the products with every
 * weight matrix (one forward, two backward) and those of causal attention, of which only the half that is seen counts,
 * and no score twice. Everything else (norms, softmax, the optimizer, embeddings) is left out, so the count is a lower bound.
 */
export function leastFlopsPerToken(config: ModelConfig, sequenceLength: number): number {
  const { dModel, dHidden, layers, heads, vocabSize } = config;
  const attentionWidth = heads * headSize(config);
  const layer = dModel * (qkvWidth(config) + attentionWidth + 3 * dHidden);
  const weights = layers * layer + dModel * vocabSize;
  // Scores and weighted values forward, four products backward; a query sees half of the keys on average.
  const attention = layers * 6 * 2 * attentionWidth * ((sequenceLength + 1) / 2);
  return 6 * weights + attention;
}
