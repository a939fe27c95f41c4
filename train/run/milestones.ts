import type { TrainingModel } from "../../model/llama.ts";
import type { TokenMarks } from "../../model/training-model.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import type { TrainingConfig } from "../config.ts";
import { RowLoader } from "../data/loader.ts";
import type { PackedData } from "../data/packed-data.ts";
import { evaluate } from "../evaluate.ts";
import type { Sampler } from "../sampler.ts";
import type { Evaluation, MetricsLine, RunHistory } from "./metrics.ts";

/** Measures and shows the model at the steps the config names, and at the last. */
export interface Milestones {
  /** Does what is due after `step` and has not been done: an interruption may have come in between. */
  reach(step: number): Promise<{ readonly anything: boolean }>;
}

export interface MilestonesOptions {
  readonly model: TrainingModel;
  readonly config: TrainingConfig;
  readonly data: PackedData;
  readonly marks: TokenMarks;
  readonly sampler: Sampler | undefined;
  /** The step to train to, after which everything is due. */
  readonly steps: number;
  readonly history: RunHistory;
  record(line: MetricsLine): Promise<void>;
}

export function createMilestones(options: MilestonesOptions, context: JobContext): Milestones {
  const { config, sampler, steps, history } = options;
  const isDue = (step: number, every: number) => step > 0 && (step % every === 0 || step === steps);
  const isDone = (lines: readonly { step: number }[], step: number) => lines.at(-1)?.step === step;
  return {
    async reach(step) {
      let anything = false;
      if (isDue(step, config.evaluation.every) && !isDone(history.evaluations, step)) {
        anything = await evaluateModel(options, step, context);
      }
      if (sampler !== undefined && isDue(step, sampler.every) && !isDone(history.samples, step)) {
        await writeSamples(sampler, options, step, context);
        anything = true;
      }
      return { anything };
    },
  };
}

/** @returns false when there is too little held-out data */
async function evaluateModel(
  { model, config, data, marks, record }: MilestonesOptions,
  step: number,
  context: JobContext,
): Promise<boolean> {
  const { textBytes, tokens } = data.splits.validation;
  const loader = new RowLoader(data, "validation", config.seed);
  let evaluation: Evaluation | undefined;
  try {
    evaluation = await evaluate(model, loader, {
      rows: config.evaluation.rows,
      bytesPerToken: textBytes / tokens,
      marks,
      signal: context.signal,
    });
  } finally {
    await loader.close();
  }
  if (evaluation === undefined) return false;
  await record({ step, evaluation });
  context.emit({ event: "evaluation", step, ...evaluation });
  context.progress.log(
    `step ${step}: validation loss ${evaluation.loss.toFixed(4)}, perplexity ${evaluation.perplexity.toFixed(1)}, ${evaluation.bitsPerByte.toFixed(3)} bits a byte, accuracy ${(100 * evaluation.accuracy).toFixed(1)} %`,
  );
  return true;
}

async function writeSamples(
  sampler: Sampler,
  { model, record }: MilestonesOptions,
  step: number,
  context: JobContext,
): Promise<void> {
  const samples = await sampler.write(model, step, context.signal);
  await record({ step, samples });
  context.emit({ event: "samples", step, samples });
  for (const { prompt, text } of samples) {
    context.progress.log(`step ${step}: “${prompt}” → ${text.replace(/\s+/g, " ").trim()}`);
  }
}
