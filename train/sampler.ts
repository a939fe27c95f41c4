import type { Backend } from "../model/backend.ts";
import { generateBatch } from "../model/generate.ts";
import { createInferenceBatch, inferenceBytes } from "../model/inference.ts";
import type { TrainingModel } from "../model/llama.ts";
import type { TrainingShape } from "../model/training-state.ts";
import type { JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import type { Tokenizer } from "../tokenizer/index.ts";
import { loadTokenizer } from "../tokenizer/load.ts";
import type { TrainingConfig } from "./config.ts";
import type { PackedData } from "./data/packed-data.ts";
import { trainingShape } from "./plan/fit-memory.ts";
import type { Sample } from "./run/metrics.ts";

/** Lets the model continue the config's prompts. */
export interface Sampler {
  readonly every: number;
  /** Memory of the keys, values and activations while it writes. */
  readonly bytes: number;
  write(model: TrainingModel, step: number, signal: AbortSignal): Promise<Sample[]>;
}

/**
 * @returns undefined when the config asks for no samples
 * @throws UserError when a prompt fills the model's context
 */
function createSampler(
  { samples: settings, seed }: TrainingConfig,
  tokenizer: Tokenizer,
  shape: TrainingShape,
): Sampler | undefined {
  if (settings === undefined) return undefined;
  const { config, computeType } = shape;
  const prompts = settings.prompts.map((prompt) => [...tokenizer.encode(prompt, { addBos: true })]);
  const longest = Math.max(...prompts.map((ids) => ids.length));
  if (longest >= config.maxSequenceLength) {
    throw new UserError(
      `samples.prompts: a prompt of ${longest} tokens fills the model's context of ${config.maxSequenceLength}; shorten it`,
    );
  }
  const capacity = Math.min(longest + settings.maxNewTokens, config.maxSequenceLength);
  const sequences = prompts.length;
  const stopIds = new Set(tokenizer.eosId === undefined ? [] : [tokenizer.eosId]);

  return {
    every: settings.every,
    bytes: inferenceBytes(config, computeType, { sequences, capacity, longestFeed: longest }),
    async write({ backend, state }, step, signal) {
      const batch = createInferenceBatch(backend, config, state.weights, { sequences, capacity });
      // The step is part of the seed, so that samples of different steps differ also where the model does not.
      const options = { ...settings, seed: (seed + step) % 2 ** 32, stopIds };
      const written = prompts.map((): number[] => []);
      try {
        for await (const event of generateBatch(batch, prompts, options)) {
          signal.throwIfAborted();
          if ("id" in event) written[event.text]!.push(event.id);
        }
      } finally {
        batch.close();
      }
      return settings.prompts.map((prompt, text) => {
        // Decoding the whole keeps the space at the seam; unknown characters of the prompt do not come back.
        const decoded = tokenizer.decode(prompts[text]!, { skipSpecials: true });
        const whole = tokenizer.decode([...prompts[text]!, ...written[text]!], { skipSpecials: true });
        return { prompt, text: whole.startsWith(decoded) ? whole.slice(decoded.length) : whole };
      });
    },
  };
}

/**
 * What takes samples during training, if the config asks for them. They are no reason not to train: without the tokenizer
 * they are left out, unless its folder was given.
 *
 * @throws UserError when the tokenizer that was given is not the one of the data
 */
export async function openSampler(
  folder: string | undefined,
  {
    config,
    data,
    backend,
  }: { readonly config: TrainingConfig; readonly data: PackedData; readonly backend: Backend },
  context: JobContext,
): Promise<Sampler | undefined> {
  if (config.samples === undefined) return undefined;
  try {
    const { tokenizer, sha256 } = await loadTokenizer(folder ?? "data/tokenizer");
    if (sha256 !== data.tokenizer.sha256) {
      throw new UserError(
        `${folder ?? "data/tokenizer"}: is not the tokenizer ${data.folder} was packed with; give that one with --tokenizer`,
      );
    }
    return createSampler(config, tokenizer, trainingShape(config, backend));
  } catch (error) {
    if (folder !== undefined || !(error instanceof UserError)) throw error;
    context.progress.log(`no samples during training: ${error.message}`);
    return undefined;
  }
}
