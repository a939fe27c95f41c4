import { basename } from "node:path";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { rowsPerStep, type TrainingConfig, tokensPerStep } from "../config.ts";
import { type PackedData, rowsOf, tokenMarks } from "./packed-data.ts";

/** @throws UserError when the data was packed for another model or another kind of training than the config's */
export function checkData(config: TrainingConfig, data: PackedData, configPath: string): void {
  const { model, batch } = config;
  const { vocabSize } = data.tokenizer;
  const { beginOfText, endOfText } = tokenMarks(data);
  const name = basename(configPath);
  if (vocabSize !== model.vocabSize) {
    throw new UserError(
      `${data.folder}: packed with a vocabulary of ${vocabSize}, ${name} has model.vocabSize ${model.vocabSize}; pack with the model's tokenizer or change the config`,
    );
  }
  if (data.seqLen !== batch.sequenceLength) {
    throw new UserError(
      `${data.folder}: rows of ${data.seqLen} tokens, ${name} has batch.sequenceLength ${batch.sequenceLength}; pack with --seq-len ${batch.sequenceLength} or change the config`,
    );
  }
  if (config.data.documentAttention && beginOfText === undefined && endOfText === undefined) {
    throw new UserError(
      `${data.folder}: no token in its rows starts or ends a document, which ${name} needs for data.documentAttention; pack without --no-bos`,
    );
  }
}

/**
 * The step to stop at: the schedule's last, the asked-for one, or the last that tokens or data last for.
 *
 * @throws UserError when they do not last for one step
 */
export function targetSteps(
  config: TrainingConfig,
  data: PackedData,
  { steps, maxTokens }: { readonly steps?: number | undefined; readonly maxTokens?: number | undefined },
  context: JobContext,
): number {
  const rows = rowsOf(data, "train");
  const perStep = rowsPerStep(config);
  const { epochs } = config.data;
  const passes = epochs === "unlimited" ? Number.POSITIVE_INFINITY : epochs;
  const available = rows === 0 ? 0 : Math.floor((rows * passes) / perStep);
  if (available === 0) {
    throw new UserError(
      `${data.folder}: ${rows} training rows × data.epochs ${epochs}, a step takes ${perStep}; pack more text, lower batch.accumulation or raise data.epochs`,
    );
  }
  const affordable = maxTokens === undefined ? undefined : Math.floor(maxTokens / tokensPerStep(config));
  if (affordable === 0) {
    throw new UserError(
      `--max-tokens ${maxTokens}: a step takes ${tokensPerStep(config)} tokens; allow at least as many`,
    );
  }
  const wanted = Math.min(steps ?? config.schedule.steps, affordable ?? Number.POSITIVE_INFINITY);
  if (wanted > available) {
    context.progress.log(
      `the data lasts for ${available} of ${wanted} steps (data.epochs ${epochs}): training ends there, before the learning rate has come down; give --epochs N or unlimited to read it again`,
    );
  } else if (wanted * perStep > rows) {
    const times = ((wanted * perStep) / rows).toFixed(1);
    context.progress.log(`${wanted} steps read the ${rows} training rows ${times} times`);
  }
  return Math.min(wanted, available);
}
