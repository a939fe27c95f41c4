import type { TrainingConfig } from "./config.ts";

/** A loss far above those before it. */
export interface Spike {
  /** Mean loss of the window. */
  readonly mean: number;
  /** The loss from which it counts as a spike. */
  readonly limit: number;
}

/** Compares each step's loss with those of the steps before it. */
export interface SpikeGuard {
  /** Whether this loss is a spike. Losses that are not finite are not: their gradients are dropped anyway. */
  judge(loss: number): Spike | undefined;
  /** Adds the loss of a step whose gradients were used. */
  add(loss: number): void;
}

/**
 * Noise that a window may lack by chance: on a plateau of nearly equal losses the deviations come close to zero, and
 * every wobble would count. 0.05 nats is the step-to-step noise of a well-averaged large batch.
 */
const smallestDeviation = 0.05;

/**
 * A loss is a spike when it lies `deviations` standard deviations above the mean of the last `window` losses. Nothing
 * is one before half the window is known. Losses fall during training, so the mean is a little high, which errs on the
 * side of training on.
 *
 * @param history losses of the run so far, oldest first
 */
export function createSpikeGuard(
  { window, deviations }: TrainingConfig["spikes"],
  history: readonly number[],
): SpikeGuard {
  const losses = history.filter(Number.isFinite).slice(-window);
  return {
    judge(loss) {
      if (!Number.isFinite(loss) || losses.length < window / 2) return undefined;
      const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length;
      const variance = losses.reduce((sum, value) => sum + (value - mean) ** 2, 0) / losses.length;
      const limit = mean + deviations * Math.max(Math.sqrt(variance), smallestDeviation);
      return loss > limit ? { mean, limit } : undefined;
    },
    add(loss) {
      if (!Number.isFinite(loss)) return;
      losses.push(loss);
      if (losses.length > window) losses.shift();
    },
  };
}
