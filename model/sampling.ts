import type { Random } from "./random.ts";

/** How the next token is drawn from the logits. Absent means: not applied. */
export interface SamplingOptions {
  /** Divides the logits; 0 always takes the likeliest token. */
  readonly temperature: number;
  /** Only the k likeliest tokens. */
  readonly topK?: number | undefined;
  /** Only the likeliest tokens that together reach this probability. */
  readonly topP?: number | undefined;
  /** Makes tokens that occurred before less likely if above 1 (Keskar et al. 2019). */
  readonly repetitionPenalty?: number | undefined;
}

/** The lowest id among the largest logits. */
function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/**
 * Draws a token, in the order of steps that `transformers` uses: repetition penalty, temperature, top-k, top-p.
 * Tokens of equal logit rank by id, so that a seed gives the same text everywhere.
 *
 * @param earlier ids that the repetition penalty applies to
 */
export function sampleToken(
  logits: Float32Array,
  earlier: Iterable<number>,
  options: SamplingOptions,
  random: Random,
): number {
  const penalized = penalizeRepetition(logits, earlier, options.repetitionPenalty ?? 1);
  if (options.temperature === 0) return likeliest(penalized);

  const ranked = rankTokens(penalized, options.topK ?? penalized.length);
  const largest = penalized[ranked[0]!]!;
  const weights = Array.from(ranked, (id) => Math.exp((penalized[id]! - largest) / options.temperature));
  const kept = options.topP === undefined ? weights : keepNucleus(weights, options.topP);
  let remaining = random.uniform() * kept.reduce((sum, weight) => sum + weight, 0);
  for (const [rank, weight] of kept.entries()) {
    remaining -= weight;
    if (remaining < 0) return ranked[rank]!;
  }
  return ranked[kept.length - 1]!;
}

function penalizeRepetition(logits: Float32Array, earlier: Iterable<number>, penalty: number): Float32Array {
  if (penalty === 1) return logits;
  const penalized = logits.slice();
  for (const id of new Set(earlier)) {
    const logit = logits[id]!;
    penalized[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
  return penalized;
}

/** The `count` ids of largest logit, best first. */
function rankTokens(logits: Float32Array, count: number): Uint32Array {
  const ids = Uint32Array.from(logits, (_, id) => id);
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return ids.subarray(0, Math.max(1, count));
}

/** The shortest head of descending weights whose share of the sum is at least `share`. */
function keepNucleus(weights: readonly number[], share: number): number[] {
  const enough = share * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const count = weights.findIndex((weight) => {
    sum += weight;
    return sum >= enough;
  });
  return count < 0 ? [...weights] : weights.slice(0, count + 1);
}
