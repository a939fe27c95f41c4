import type { ComputeType } from "../../../model/backend.ts";
import type { ModelConfig } from "../../../model/config.ts";

/** What a worker, ours or the peer's, is told on its first line. */
export type Job = StepsJob | ProductsJob;

interface CommonJob {
  readonly dtype: ComputeType;
  readonly threads: number;
}

/** Training steps on random tokens; a measurement is one step. */
export interface StepsJob extends CommonJob {
  readonly kind: "steps";
  readonly model: ModelConfig;
  readonly sequences: number;
  readonly sequenceLength: number;
  /** For the peer: `torch.compile`. */
  readonly compile: boolean;
}

/** Matrix products m×n×k, a·bᵀ; a measurement repeats each until it has taken `flops` operations. */
export interface ProductsJob extends CommonJob {
  readonly kind: "products";
  readonly shapes: readonly (readonly [number, number, number])[];
  readonly flops: number;
}

/** Times of one step, or of one product. */
export interface Times {
  readonly seconds: number;
  /** Processor time of all threads. */
  readonly cpuSeconds: number;
}

/** What a worker says at its end. */
export interface Summary {
  /** Largest resident memory of the process, and that before the job began. */
  readonly peakBytes: number;
  readonly startBytes: number;
  readonly version?: string;
}
