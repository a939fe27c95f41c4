import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Backend, DeviceBuffer } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import type { ModelConfig } from "../../model/config.ts";
import { parseHuggingFaceConfig, splitParts } from "../../model/hugging-face.ts";
import type { TrainingModel } from "../../model/llama.ts";
import { listParameterTensors, listTensors, type ModelTensors } from "../../model/parameters.ts";
import { openSafetensors } from "../../model/safetensors.ts";
import { createTrainingModel, setWeights } from "../../model/training-model.ts";
import type { Recompute } from "../../model/training-state.ts";

const factsSchema = z.object({
  config: z.unknown(),
  ids: z.array(z.array(z.number())),
  loss: z.number(),
  prompt: z.number(),
  greedy: z.array(z.number()),
  batches: z.array(z.array(z.array(z.number()))),
  losses: z.array(z.number()),
  optimizer: z.object({
    learningRate: z.number(),
    betas: z.tuple([z.number(), z.number()]),
    epsilon: z.number(),
    weightDecay: z.number(),
    clipNorm: z.number(),
  }),
});

export interface TinyLlama extends z.infer<typeof factsSchema> {
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** What make_fixtures.py wrote: `tiny-llama` or `tiny-llama-gqa`. */
export async function readTinyLlama(name: string): Promise<TinyLlama> {
  const file = await openSafetensors(
    fileURLToPath(new URL(`../fixtures/model/${name}.safetensors`, import.meta.url)),
  );
  try {
    const tensors = new Map<string, Float32Array>();
    for (const key of file.tensors.keys()) tensors.set(key, await file.readFloats(key));
    const facts = factsSchema.parse(JSON.parse(file.metadata.facts ?? ""));
    return { ...facts, config: parseHuggingFaceConfig(name, JSON.stringify(facts.config)), tensors };
  } finally {
    await file.close();
  }
}

/** The fixture's model, ready to train on a batch of `sequences` rows. */
export async function createTinyModel(
  fixture: TinyLlama,
  options: { backend?: Backend; sequences?: number; recompute?: Recompute; documentAttention?: boolean } = {},
): Promise<TrainingModel> {
  const model = createTrainingModel(options.backend ?? createReferenceBackend(), {
    config: fixture.config,
    sequences: options.sequences ?? fixture.ids.length,
    sequenceLength: fixture.ids[0]?.length ?? 0,
    computeType: "f32",
    recompute: options.recompute ?? "none",
    documentAttention: options.documentAttention ?? false,
  });
  await setWeights(model, ({ parts }) =>
    Float32Array.from(parts.flatMap(({ name }) => [...(fixture.tensors.get(`weights.${name}`) ?? [])])),
  );
  return model;
}

/** All parameters of a tree of buffers by their Hugging Face names. */
export async function readTensors(
  { backend, shape }: TrainingModel,
  tensors: ModelTensors<DeviceBuffer>,
): Promise<Map<string, Float32Array>> {
  const buffers = listTensors(tensors);
  const values = new Map<string, Float32Array>();
  for (const [index, tensor] of listParameterTensors(shape.config).entries()) {
    for (const part of splitParts(tensor, await backend.read(buffers[index]!)))
      values.set(part.name, part.values);
  }
  return values;
}

/** Largest absolute difference; infinite when lengths differ or a value is not a number. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number> | undefined): number {
  if (expected === undefined || actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
