import { basename, join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { z } from "zod";
import { type ModelConfig, modelConfigSchema, presets } from "../model/config.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { exists, readText } from "../pipeline/runtime/files.ts";
import { describeIssue } from "../pipeline/runtime/schema.ts";

const shippedConfigs = ["apt3-1b", "apt3-500m", "apt3-275m", "demo-large", "demo"];

const positive = z.int().positive();
const fraction = z.number().min(0).lt(1);

/** What a config may leave to the data, so that a small model fits whatever was packed for it. */
export interface DataShape {
  readonly vocabSize: number;
  readonly seqLen: number;
}

/** Puts the data's sizes where a table leaves them out. */
function withDefaults(defaults: Readonly<Record<string, number>>) {
  return (value: unknown): unknown => {
    const isTable = value !== null && typeof value === "object" && !Array.isArray(value);
    return isTable ? { ...defaults, ...value } : value;
  };
}

/** A model in full, without the sizes that the data gives, or by the name of a preset. */
function modelSchema(data: DataShape | undefined): z.ZodType<ModelConfig> {
  const fill = withDefaults(
    data === undefined ? {} : { vocabSize: data.vocabSize, maxSequenceLength: data.seqLen },
  );
  return z.preprocess((value) => {
    const isPreset = typeof value === "string" && Object.hasOwn(presets, value);
    return isPreset ? presets[value as keyof typeof presets] : fill(value);
  }, modelConfigSchema);
}

function configSchema(data: DataShape | undefined) {
  return z
    .strictObject({
      seed: z.int().nonnegative().max(0xffff_ffff),
      model: modelSchema(data),
      batch: z.preprocess(
        withDefaults(data === undefined ? {} : { sequenceLength: data.seqLen }),
        z.strictObject({
          /** Rows computed at once. */
          microBatch: positive,
          /** Micro-batches whose gradients add up to one step. */
          accumulation: positive,
          /** Tokens of a row. */
          sequenceLength: z.int().min(2),
        }),
      ),
      schedule: z.strictObject({
        steps: positive,
        learningRate: z.number().positive(),
        minLearningRate: z.number().nonnegative(),
        warmupSteps: z.int().nonnegative(),
      }),
      optimizer: z.strictObject({
        betas: z.tuple([fraction, fraction]),
        epsilon: z.number().positive(),
        weightDecay: z.number().nonnegative(),
        clipNorm: z.number().positive(),
        /** Type of AdamW's moments; `auto` is bf16 only where f32 does not fit the device. */
        moments: z.enum(["auto", "f32", "bf16"]).default("f32"),
      }),
      data: z.strictObject({
        /** Passes over the training rows after which training ends, even before `schedule.steps`. */
        epochs: z.union([positive, z.literal("unlimited")], {
          error:
            'expected a whole number from 1, or "unlimited" to read the data again as often as the steps need',
        }),
        /** Tokens see only their own document; otherwise all that stands before them in the row. */
        documentAttention: z.boolean().default(false),
      }),
      /** `auto` is bf16 where the backend has it. */
      precision: z.enum(["auto", "f32", "bf16"]),
      /** `auto` is the least that fits the device. */
      recompute: z.enum(["auto", "none", "selective", "full"]),
      evaluation: z.strictObject({
        /** Steps between evaluations. */
        every: positive,
        /** Validation rows used, at most. */
        rows: positive,
      }),
      checkpoint: z.strictObject({
        /** Steps between checkpoints. */
        every: positive,
        /** Newest checkpoints kept, besides the one that evaluated best; the others are removed. */
        keep: positive,
      }),
      /** What happens when the loss of a step jumps; see `createSpikeGuard`. */
      spikes: z
        .strictObject({
          /** Steps whose losses are compared with. */
          window: z.int().min(10),
          /** Standard deviations above their mean from which a loss is a spike. */
          deviations: z.number().positive(),
          /** Say so and train on, leave the step's gradients out, or end the run before they are used. */
          action: z.enum(["report", "skip", "stop"]),
        })
        .default({ window: 100, deviations: 8, action: "report" }),
      /** Texts written during training, to see what the model has learnt. */
      samples: z
        .strictObject({
          /** Steps between samples. */
          every: positive,
          prompts: z.array(z.string().min(1)).min(1).max(32),
          maxNewTokens: positive.default(64),
          temperature: z.number().nonnegative().default(0.8),
          topK: positive.default(50),
        })
        .optional(),
    })
    .superRefine(({ model, batch, schedule }, context) => {
      if (batch.sequenceLength > model.maxSequenceLength) {
        context.addIssue({
          code: "custom",
          path: ["batch", "sequenceLength"],
          message: `is more than model.maxSequenceLength ${model.maxSequenceLength}`,
        });
      }
      if (schedule.warmupSteps > schedule.steps) {
        context.addIssue({
          code: "custom",
          path: ["schedule", "warmupSteps"],
          message: `is more than schedule.steps ${schedule.steps}; the learning rate would never be reached`,
        });
      }
      if (schedule.minLearningRate > schedule.learningRate) {
        context.addIssue({
          code: "custom",
          path: ["schedule", "minLearningRate"],
          message: `is more than schedule.learningRate ${schedule.learningRate}`,
        });
      }
    });
}

/** Everything that decides what a run computes. */
export type TrainingConfig = z.infer<ReturnType<typeof configSchema>>;

/**
 * Checks the text of a training config.
 *
 * @param path for messages
 * @param data sizes used where the config leaves them out
 */
export function parseTrainingConfig(path: string, text: string, data: DataShape | undefined): TrainingConfig {
  const name = basename(path);
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line ?? 1;
    throw new UserError(`${name}:${line}: not valid YAML: ${problem.message.split("\n")[0]}`);
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const parsed = configSchema(data).safeParse(value);
  if (!parsed.success) throw new UserError(`${name}: ${describeIssue(parsed.error, value)}`);
  return parsed.data;
}

/**
 * Reads and checks a training config.
 *
 * @param given a file, or the name of a config that apt3 ships, such as `apt3-1b`
 */
export async function readTrainingConfig(
  given: string,
  data: DataShape | undefined,
): Promise<TrainingConfig> {
  const path = await findConfig(given);
  return parseTrainingConfig(path, await readText(path), data);
}

async function findConfig(given: string): Promise<string> {
  if (await exists(given)) return given;
  if (/^[\w-]+$/.test(given)) {
    // Beside this file in the sources; compiled files lie in dist/train/, the configs stay in train/.
    for (const folder of ["configs", "../../train/configs"]) {
      const shipped = join(import.meta.dirname, folder, `${given}.yaml`);
      if (await exists(shipped)) return shipped;
    }
  }
  throw new UserError(
    `${given}: no such file; give --config a training config, or the name of one that apt3 ships (${shippedConfigs.join(", ")})`,
  );
}

/** A config as YAML that reads back as the same config. */
export const formatTrainingConfig = (config: TrainingConfig): string =>
  stringify(config, { aliasDuplicateObjects: false, lineWidth: 0 });

/** Rows of one step. */
export const rowsPerStep = ({ batch }: TrainingConfig): number => batch.microBatch * batch.accumulation;

/** Tokens of one step. */
export const tokensPerStep = (config: TrainingConfig): number =>
  rowsPerStep(config) * config.batch.sequenceLength;

/**
 * The part of a config that decides the weights of a step; a run can be continued with other values of the rest: how
 * long it goes on, what it shows and keeps, and what it does about a spike, which one learns only when it comes.
 */
export function weightSettings({ seed, model, batch, schedule, optimizer, data, precision }: TrainingConfig) {
  return {
    seed,
    model,
    batch,
    schedule,
    optimizer,
    precision,
    documentAttention: data.documentAttention,
  };
}
