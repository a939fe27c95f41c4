import { join } from "node:path";
import type { Backend } from "../model/backend.ts";
import type { ModelFolder } from "../model/hugging-face.ts";
import { initialValues } from "../model/init.ts";
import type { TrainingModel } from "../model/llama.ts";
import { createTrainingModel, setWeights } from "../model/training-model.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { formatDuration } from "../pipeline/runtime/sizes.ts";
import { type TrainingConfig, tokensPerStep } from "./config.ts";
import { openControlFile } from "./control.ts";
import { RowLoader } from "./data/loader.ts";
import { type PackedData, tokenMarks } from "./data/packed-data.ts";
import { trainingShape } from "./plan/fit-memory.ts";
import { writeReport } from "./report/write-report.ts";
import { loadCheckpoint, type RunState } from "./run/checkpoint.ts";
import { type CheckpointKeeper, createCheckpointKeeper } from "./run/checkpoint-keeper.ts";
import { listCheckpoints, pruneCheckpoints } from "./run/checkpoint-list.ts";
import { type MetricsLine, openMetrics, type RunHistory, readHistory } from "./run/metrics.ts";
import { createMilestones } from "./run/milestones.ts";
import type { Run } from "./run/run-folder.ts";
import { describeStep } from "./run/run-view.ts";
import type { Sampler } from "./sampler.ts";
import { createSpikeGuard } from "./spike-guard.ts";
import { openEventFile } from "./tensorboard/event-file.ts";
import { createDivergenceGuard, SpikeStop, type Training, takeStep } from "./training-loop.ts";

export interface TrainingJob {
  readonly run: Run;
  readonly config: TrainingConfig;
  readonly data: PackedData;
  readonly backend: Backend;
  /** The step to train to. */
  readonly steps: number;
  readonly resume: boolean;
  /** Where the weights come from that a new run starts with; drawn from the seed without it. */
  readonly initialWeights: ModelFolder | undefined;
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
  const metrics = await openMetrics(run.metrics, state.step, () =>
    context.progress.log("disk full: metrics wait in memory until there is room; training goes on"),
  );
  const { history } = metrics;
  const events = await openEventFile(join(run.folder, "tensorboard"), state.step);
  const record = async (line: MetricsLine) => {
    await metrics.append(line);
    await events.append(line);
  };
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
        await metrics.sync();
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
      await metrics.sync();
      await keeper.finish(state);
      context.progress.log(`checkpoint of step ${state.step} written`);
    }
    throw error;
  } finally {
    await keeper.settle().catch(() => undefined); // A failure was or will be thrown by the last checkpoint.
    task.done();
    await loader.close();
    await metrics.close();
    await events.close();
    await report();
  }
  if (ended === undefined) await run.finish();
  const taken = history.steps.slice(history.steps.findIndex(({ step }) => step > firstStep));
  return {
    steps: state.step,
    tokens: state.tokens,
    ...(ended === undefined ? {} : { ended }),
    firstLoss: taken[0]?.loss,
    lastLoss: taken.at(-1)?.loss,
    evaluation: history.evaluations.at(-1)?.evaluation,
    tokensPerSecond:
      (taken.length * tokensPerStep(config)) / taken.reduce((sum, { timing }) => sum + timing.seconds, 0),
  };
}

/** Fills the model from the newest checkpoint, or with initial values, and says where the run stands. */
async function startingState(
  { run, config, steps, resume, initialWeights }: TrainingJob,
  model: TrainingModel,
  context: JobContext,
): Promise<RunState> {
  const { evaluations } = await readHistory(run.metrics);
  await pruneCheckpoints(run.checkpoints, config.checkpoint, evaluations);
  const newest = (await listCheckpoints(run.checkpoints)).at(-1);
  if (newest === undefined) {
    if (resume) context.progress.log(`${run.folder}: no checkpoint yet; starting at step 0`);
    if (run.initialWeights !== undefined && initialWeights === undefined) {
      throw new UserError(
        `${run.folder}: has no checkpoint yet and starts from an existing model; give --init-from again`,
      );
    }
    await setWeights(
      model,
      (tensor) => initialWeights?.read(tensor) ?? initialValues(config.model, tensor, config.seed),
    );
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
