import type { Backend } from "../model/backend.ts";
import { initialValues } from "../model/init.ts";
import type { TrainingModel } from "../model/llama.ts";
import { createTrainingModel, setWeights } from "../model/training-model.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { isCode } from "../pipeline/runtime/files.ts";
import {
  listCheckpoints,
  loadCheckpoint,
  pruneCheckpoints,
  type RunState,
  saveCheckpoint,
} from "./checkpoint.ts";
import { type TrainingConfig, tokensPerStep } from "./config.ts";
import { evaluate } from "./evaluate.ts";
import { RowLoader } from "./loader.ts";
import { type Evaluation, type MetricsFile, openMetrics } from "./metrics.ts";
import type { PackedData } from "./packed-data.ts";
import { trainingShape } from "./plan.ts";
import type { Run } from "./run-folder.ts";
import { createDivergenceGuard, type Training, takeStep } from "./training-loop.ts";

export interface TrainingJob {
  readonly run: Run;
  readonly config: TrainingConfig;
  readonly data: PackedData;
  readonly backend: Backend;
  /** The step to train to. */
  readonly steps: number;
  readonly resume: boolean;
  readonly peakTeraflops: number | undefined;
}

/**
 * Trains from the newest checkpoint, or from the start, to the asked-for step. Interrupted, it writes a checkpoint of
 * the last whole step; what it leaves in the end is the same, byte for byte but for timings, as without interruption.
 */
export async function trainRun(job: TrainingJob, context: JobContext): Promise<Figures> {
  const { run, config, data, steps } = job;
  const model = createTrainingModel(job.backend, trainingShape(config, job.backend));
  let state = await startingState(job, model, context);
  const metrics = await openMetrics(run.metrics, state.step);
  const task = context.progress.start({
    label: "training",
    total: (steps - state.step) * tokensPerStep(config),
    unit: "tokens",
  });
  const training: Training = {
    model,
    config,
    loader: new RowLoader(data, "train", config.seed, state.cursor),
    peakTeraflops: job.peakTeraflops,
    signal: context.signal,
    onTokens: (tokens) => task.advance(tokens),
  };
  const isDue = (every: number) => state.step > 0 && (state.step % every === 0 || state.step === steps);
  const guard = createDivergenceGuard();
  const losses: number[] = [];
  let evaluation: Evaluation | undefined;
  let seconds = 0;
  try {
    // An interruption during an evaluation left a checkpoint whose evaluation is still owed.
    if (isDue(config.evaluation.every) && !metrics.hasEvaluation) {
      evaluation = await evaluateRun(job, model, metrics, state.step, context);
    }
    while (state.step < steps) {
      const taken = await takeStep(training, state);
      state = taken.state;
      const { loss, timing } = taken.metrics;
      losses.push(loss);
      seconds += timing.seconds;
      await metrics.append(taken.metrics);
      context.emit({ event: "step", ...taken.metrics });
      task.note(`step ${state.step} of ${steps}, loss ${loss.toFixed(3)}`);
      guard(taken.metrics);

      if (isDue(config.evaluation.every)) {
        evaluation = await evaluateRun(job, model, metrics, state.step, context);
      }
      if (isDue(config.checkpoint.every)) {
        await metrics.sync();
        await keepCheckpoint(job, model, state, context);
      }
    }
  } catch (error) {
    if (context.signal.aborted && error === context.signal.reason) {
      // An abandoned step changed neither weights nor moments: they are still those of `state`.
      await metrics.sync();
      await saveCheckpoint(run.checkpoints, model, state, run.identity);
      await pruneCheckpoints(run.checkpoints, config.checkpoint.every, config.checkpoint.keep);
      context.progress.log(`checkpoint of step ${state.step} written`);
    }
    throw error;
  } finally {
    task.done();
    await training.loader.close();
    await metrics.close();
  }
  await run.finish();
  return {
    steps: state.step,
    tokens: state.tokens,
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
    evaluation,
    tokensPerSecond: (losses.length * tokensPerStep(config)) / seconds,
  };
}

/** Fills the model from the newest checkpoint, or with initial values, and says where the run stands. */
async function startingState(
  { run, config, steps, resume }: TrainingJob,
  model: TrainingModel,
  context: JobContext,
): Promise<RunState> {
  await pruneCheckpoints(run.checkpoints, config.checkpoint.every, config.checkpoint.keep);
  const newest = (await listCheckpoints(run.checkpoints)).at(-1);
  if (newest === undefined) {
    if (resume) context.progress.log(`${run.folder}: no checkpoint yet; starting at step 0`);
    await setWeights(model, (tensor) => initialValues(config.model, tensor, config.seed));
    return { step: 0, skippedSteps: 0, cursor: { epoch: 0, row: 0 }, tokens: 0 };
  }
  if (newest.step > steps) {
    throw new UserError(
      `${run.folder}: is already at step ${newest.step}, beyond step ${steps}; give a larger --steps or choose another --out`,
    );
  }
  const state = await loadCheckpoint(newest, model, run.identity);
  context.progress.log(`continuing from ${newest.path}`);
  return state;
}

async function evaluateRun(
  { config, data }: TrainingJob,
  model: TrainingModel,
  metrics: MetricsFile,
  step: number,
  context: JobContext,
): Promise<Evaluation | undefined> {
  const { textBytes, tokens } = data.splits.validation;
  const loader = new RowLoader(data, "validation", config.seed);
  const options = {
    rows: config.evaluation.rows,
    bytesPerToken: textBytes / tokens,
    signal: context.signal,
  };
  const evaluation = await evaluate(model, loader, options).finally(() => loader.close());
  if (evaluation === undefined) return undefined;
  await metrics.append({ step, evaluation });
  context.emit({ event: "evaluation", step, ...evaluation });
  context.progress.log(
    `step ${step}: validation loss ${evaluation.loss.toFixed(4)}, perplexity ${evaluation.perplexity.toFixed(1)}, accuracy ${(100 * evaluation.accuracy).toFixed(1)} %`,
  );
  return evaluation;
}

/** Saves a checkpoint. A full disk must not end a long run: it goes on with the checkpoint before, and says so. */
async function keepCheckpoint(
  { run, config, steps }: TrainingJob,
  model: TrainingModel,
  state: RunState,
  context: JobContext,
): Promise<void> {
  const { every, keep } = config.checkpoint;
  try {
    const { path } = await saveCheckpoint(run.checkpoints, model, state, run.identity);
    context.emit({ event: "checkpoint", step: state.step, path });
  } catch (error) {
    if (state.step === steps || !isCode(error, "ENOSPC", "EDQUOT")) throw error;
    context.progress.log(`step ${state.step}: disk full, no checkpoint written; training goes on`);
    context.emit({ event: "checkpoint-failed", step: state.step, reason: "disk full" });
  }
  await pruneCheckpoints(run.checkpoints, every, keep);
}
