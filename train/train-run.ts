import { join } from "node:path";
import type { Backend } from "../model/backend.ts";
import { createTrainingModel } from "../model/training-model.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { formatDuration } from "../pipeline/runtime/sizes.ts";
import { type TrainingConfig, tokensPerStep } from "./config.ts";
import { openControlFile } from "./control.ts";
import { RowLoader } from "./data/loader.ts";
import { type PackedData, tokenMarks } from "./data/packed-data.ts";
import { trainingShape } from "./plan/fit-memory.ts";
import { writeReport } from "./report/write-report.ts";
import type { RunState } from "./run/checkpoint.ts";
import { type CheckpointKeeper, createCheckpointKeeper } from "./run/checkpoint-keeper.ts";
import type { RunHistory } from "./run/metrics.ts";
import { createMilestones } from "./run/milestones.ts";
import { openRecords } from "./run/records.ts";
import { describeStep } from "./run/run-view.ts";
import { type StartOptions, startingState } from "./run/starting-state.ts";
import type { Sampler } from "./sampler.ts";
import { createSpikeGuard } from "./spike-guard.ts";
import { createDivergenceGuard, SpikeStop, type Training, takeStep } from "./training-loop.ts";

export interface TrainingJob extends StartOptions {
  readonly data: PackedData;
  readonly backend: Backend;
  readonly sampler: Sampler | undefined;
  /** Ends training before a step that would take the command beyond this many seconds. */
  readonly maxSeconds: number | undefined;
  readonly peakTeraflops: number | undefined;
}

/** Why training ended before its last step, when nothing went wrong. */
type EarlyEnd = "time budget" | "control file";

/** Losses that the live display's curve shows. */
const shownLosses = 400;

/**
 * Trains from the newest checkpoint, or from the start, to the asked-for step. Interrupted, it writes a checkpoint of
 * the last whole step; what it leaves in the end is the same, byte for byte but for timings, as without interruption.
 */
export async function trainRun(job: TrainingJob, context: JobContext): Promise<Figures> {
  const { run, config, data, steps, sampler } = job;
  const startedAt = performance.now();
  const model = createTrainingModel(job.backend, trainingShape(config, job.backend));
  let state = await startingState(job, model, context);
  const firstStep = state.step;

  // 1. What is written down: metrics, TensorBoard's events, checkpoints, the report.
  const records = await openRecords(run, state.step, context);
  const { history, record } = records;
  const keeper = createCheckpointKeeper(
    {
      folder: run.checkpoints,
      model,
      identity: run.identity,
      settings: config.checkpoint,
      evaluations: history.evaluations,
    },
    context,
  );
  const report = () => writeReport(run.folder, { config, history, steps, device: job.backend.device });

  // 2. What watches and steers the steps.
  const marks = tokenMarks(data);
  const milestones = createMilestones(
    { model, config, data, marks, sampler, steps, history, record },
    context,
  );
  const control = openControlFile(join(run.folder, "control.yaml"), context.progress.log);
  const diverged = createDivergenceGuard();
  const task = context.progress.start({
    label: "training",
    total: (steps - state.step) * tokensPerStep(config),
    unit: "tokens",
  });
  const loader = new RowLoader(data, "train", config.seed, state.cursor);
  const training: Training = {
    model,
    config,
    loader,
    marks,
    spikes: createSpikeGuard(config.spikes, usedLosses(history)),
    peakTeraflops: job.peakTeraflops,
    signal: context.signal,
    onTokens: (tokens) => task.advance(tokens),
  };

  // 3. The steps.
  let ended: EarlyEnd | undefined;
  try {
    await milestones.reach(state.step);
    while (state.step < steps) {
      const asked = await control.read();
      ended = asked.stop === true ? "control file" : isTimeUp(job, startedAt, history, firstStep);
      if (ended !== undefined) break;

      const taken = await takeStep(training, state, asked.learningRate);
      const passed = taken.state.cursor.epoch > state.cursor.epoch;
      state = taken.state;
      await record(taken.metrics);
      context.emit({ event: "step", ...taken.metrics });
      const losses = history.steps.slice(-shownLosses).map(({ loss }) => loss);
      task.note(describeStep(taken.metrics, steps, losses));
      if (taken.metrics.spikeLimit !== undefined) reportSpike(taken.metrics, context);
      if (passed)
        context.progress.log(`step ${state.step}: pass ${state.cursor.epoch + 1} over the data begins`);
      diverged(taken.metrics);

      const { anything } = await milestones.reach(state.step);
      if (anything) await report();
      if (state.step === steps || state.step % config.checkpoint.every === 0) {
        await records.sync();
        if (state.step === steps) await keeper.finish(state);
        else await keeper.begin(state);
      }
    }
    if (ended !== undefined) await endEarly(ended, keeper, state, context);
    if (ended === "control file") await control.clearStop();
  } catch (error) {
    // An abandoned step changed neither weights nor moments: they are still those of `state`.
    const isOurs = error instanceof SpikeStop || (context.signal.aborted && error === context.signal.reason);
    if (isOurs) {
      await records.sync();
      await keeper.finish(state);
      context.progress.log(`checkpoint of step ${state.step} written`);
    }
    throw error;
  } finally {
    await keeper.settle().catch(() => undefined); // A failure was or will be thrown by the last checkpoint.
    task.done();
    await loader.close();
    await records.close();
    await report();
  }
  if (ended === undefined) await run.finish();
  return { ...figuresOf(history, state, { config, firstStep }), ...(ended === undefined ? {} : { ended }) };
}

/** What a command says of its training in the end. */
function figuresOf(
  { steps, evaluations }: RunHistory,
  state: RunState,
  { config, firstStep }: { readonly config: TrainingConfig; readonly firstStep: number },
): Figures {
  const taken = steps.slice(steps.findIndex(({ step }) => step > firstStep));
  const seconds = taken.reduce((sum, { timing }) => sum + timing.seconds, 0);
  return {
    steps: state.step,
    tokens: state.tokens,
    firstLoss: taken[0]?.loss,
    lastLoss: taken.at(-1)?.loss,
    evaluation: evaluations.at(-1)?.evaluation,
    tokensPerSecond: (taken.length * tokensPerStep(config)) / seconds,
  };
}

/** Losses of the steps that changed the weights, which the spike guard compares with. */
const usedLosses = ({ steps }: RunHistory): number[] =>
  steps.filter(({ skipped }) => skipped !== "spike").map(({ loss }) => loss);

function isTimeUp(
  { maxSeconds }: TrainingJob,
  startedAt: number,
  { steps }: RunHistory,
  firstStep: number,
): EarlyEnd | undefined {
  const last = steps.at(-1);
  if (maxSeconds === undefined || last === undefined || last.step <= firstStep) return undefined;
  const elapsed = (performance.now() - startedAt) / 1000;
  return elapsed + last.timing.seconds > maxSeconds ? "time budget" : undefined;
}

async function endEarly(
  ended: EarlyEnd,
  keeper: CheckpointKeeper,
  state: RunState,
  { progress, emit }: JobContext,
): Promise<void> {
  await keeper.finish(state);
  emit({ event: "ended", reason: ended, step: state.step });
  progress.log(`ended by the ${ended} at step ${state.step}; the same command goes on from there`);
}

function reportSpike(
  { step, loss, spikeLimit, skipped, timing }: RunHistory["steps"][number],
  { progress, emit }: JobContext,
): void {
  const what = skipped === "spike" ? "its gradients are left out" : "training goes on";
  emit({ event: "spike", step, loss, limit: spikeLimit, skipped: skipped === "spike" });
  progress.log(
    `step ${step}: loss ${loss.toFixed(3)} is a spike (limit ${spikeLimit?.toFixed(3)}, step of ${formatDuration(timing.seconds)}); ${what}`,
  );
}
