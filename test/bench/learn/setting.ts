import type { ComputeType } from "../../../model/backend.ts";
import { parseTrainingConfig, type TrainingConfig } from "../../../train/config.ts";
import type { PackedData } from "../../../train/data/packed-data.ts";

/** A model and the steps it is trained by, alike on both sides. */
export interface Setting {
  readonly model: { layers: number; dModel: number; heads: number; kvHeads: number; dHidden: number };
  readonly vocabSize: number;
  readonly sequenceLength: number;
  readonly rowsPerStep: number;
}

export const settings: Readonly<Record<string, Setting>> = {
  /** 27.7 M parameters. */
  large: {
    model: { layers: 6, dModel: 512, heads: 8, kvHeads: 8, dHidden: 1408 },
    vocabSize: 8192,
    sequenceLength: 512,
    rowsPerStep: 8,
  },
  /** 1.7 M parameters, as deep: cheap enough for many seeds. */
  small: {
    model: { layers: 6, dModel: 128, heads: 4, kvHeads: 4, dHidden: 352 },
    vocabSize: 2048,
    sequenceLength: 128,
    rowsPerStep: 8,
  },
};

export const tokensOf = ({ rowsPerStep, sequenceLength }: Setting): number => rowsPerStep * sequenceLength;

/** How a setting is trained on `data` for `steps` steps. */
export function trainingConfig(
  { model, rowsPerStep }: Setting,
  data: PackedData,
  steps: number,
  seed: number,
  precision: ComputeType,
): TrainingConfig {
  const config = {
    seed,
    model: { ...model, rmsNormEpsilon: 1e-6, ropeTheta: 10_000, initializerRange: 0.02 },
    batch: { microBatch: rowsPerStep, accumulation: 1 },
    schedule: { steps, learningRate: 1e-3, minLearningRate: 1e-4, warmupSteps: Math.min(40, steps) },
    optimizer: { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
    data: { epochs: 1 },
    precision,
    recompute: "none",
    evaluation: { every: 100, rows: 199 },
    checkpoint: { every: 50, keep: 1 },
  };
  const shape = { vocabSize: data.tokenizer.vocabSize, seqLen: data.seqLen };
  return parseTrainingConfig("learn.yaml", JSON.stringify(config), shape);
}
