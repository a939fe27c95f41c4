import { z } from "zod";

/** The shape of a LLaMA-architecture decoder. */
export interface ModelConfig {
  readonly vocabSize: number;
  readonly layers: number;
  readonly dModel: number;
  readonly heads: number;
  /** Key/value heads; equal to `heads` for plain multi-head attention, fewer for grouped-query attention. */
  readonly kvHeads: number;
  /** Width of the SwiGLU hidden layer. */
  readonly dHidden: number;
  /** Positions the rotary table covers; rows of training data must not be longer. */
  readonly maxSequenceLength: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  /** Standard deviation of the initial weights. */
  readonly initializerRange: number;
}

const size = z.int().positive();

/** Tokens are stored as uint16 in packed shards and as int32 on the device; the wider type is the limit here. */
const largestVocabulary = 2 ** 31 - 1;

/** Far above any model that there is (the deepest have a thousand): every layer's tensors are listed before memory is planned. */
const mostLayers = 10_000;

/** Checks shapes that JSON types cannot express; the messages name the values that clash. */
export const modelConfigSchema: z.ZodType<ModelConfig> = z
  .strictObject({
    vocabSize: size.max(largestVocabulary),
    layers: size.max(mostLayers),
    dModel: size,
    heads: size,
    kvHeads: size,
    dHidden: size,
    maxSequenceLength: size,
    rmsNormEpsilon: z.number().positive().default(1e-6),
    ropeTheta: z.number().positive().default(10_000),
    initializerRange: z.number().positive().default(0.02),
  })
  .superRefine((config, context) => {
    const reject = (field: keyof ModelConfig, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    if (config.dModel % config.heads !== 0) {
      reject("heads", `${config.heads} heads do not divide dModel ${config.dModel}`);
    } else if ((config.dModel / config.heads) % 2 !== 0) {
      reject("heads", `head size ${config.dModel / config.heads} must be even for rotary positions`);
    }
    if (config.heads % config.kvHeads !== 0) {
      reject("kvHeads", `${config.kvHeads} key/value heads do not divide ${config.heads} heads`);
    }
  });

/** Features of one attention head. */
export const headSize = (config: ModelConfig): number => config.dModel / config.heads;

/** Columns of the fused query, key and value projection. */
export const qkvWidth = (config: ModelConfig): number =>
  (config.heads + 2 * config.kvHeads) * headSize(config);

/** What every APT3 model shares: tokenizer, context length, head size 64, LLaMA-1 constants. */
const apt3 = {
  vocabSize: 31_980,
  maxSequenceLength: 2048,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 10_000,
  initializerRange: 0.02,
} as const;

/**
 * `apt3-1b` is the published shape, exactly 1,041,754,112 parameters. Its siblings are derived from their published
 * sizes (about 477M and 275M) with the same vocabulary, head size 64 and a hidden width of 8/3 · dModel rounded up to
 * a multiple of 128; 32 layers meet both sizes to the million.
 */
export const presets = {
  "apt3-1b": { ...apt3, layers: 18, dModel: 2048, heads: 32, kvHeads: 32, dHidden: 5504 },
  "apt3-500m": { ...apt3, layers: 32, dModel: 1024, heads: 16, kvHeads: 16, dHidden: 2816 },
  "apt3-275m": { ...apt3, layers: 32, dModel: 768, heads: 12, kvHeads: 12, dHidden: 2048 },
  /** Small enough to learn something on plain TypeScript loops in half a minute. */
  demo: {
    ...apt3,
    vocabSize: 1024,
    maxSequenceLength: 128,
    layers: 2,
    dModel: 64,
    heads: 4,
    kvHeads: 4,
    dHidden: 176,
    initializerRange: 0.05,
  },
} as const satisfies Record<string, ModelConfig>;
