import { accumulateMicroBatch, type TrainingModel } from "../model/llama.ts";
import { trainingFlopsPerToken } from "../model/parameters.ts";
import { countTargets, setMicroBatch, type TokenMarks } from "../model/training-model.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { applyAdamW, dropGradients } from "./adamw.ts";
import { rowsPerStep, type TrainingConfig, tokensPerStep } from "./config.ts";
import type { RowLoader } from "./data/loader.ts";
import type { RunState } from "./run/checkpoint.ts";
import type { StepMetrics } from "./run/metrics.ts";
import { learningRateAt } from "./schedule.ts";
import type { Spike, SpikeGuard } from "./spike-guard.ts";

/** What one step needs. */
export interface Training {
  readonly model: TrainingModel;
  readonly config: TrainingConfig;
  readonly loader: RowLoader;
  readonly marks: TokenMarks;
  readonly spikes: SpikeGuard;
  /** Peak of the device in TFLOP/s, for the model FLOP/s utilization. */
  readonly peakTeraflops: number | undefined;
  readonly signal: AbortSignal;
  /** Told of tokens when their gradients have been computed: a step can take minutes. */
  readonly onTokens: (tokens: number) => void;
}

/**
 * Micro-batches enqueued ahead of the device: enough to keep it busy while the next one is read, few enough to stop
 * soon and to hold little memory.
 */
const maxInFlight = 2;

/** Steps in a row that changed no weight after which a run has diverged for good. */
const maxSkippedInRow = 10;

/** A loss spike, in a run whose config says to stop at one; weights and moments are those before the step. */
export class SpikeStop extends UserError {}

/**
 * Takes one step from `state`: the micro-batches, then the update, or none if the loss is a spike to be skipped. When
 * it throws a `SpikeStop`, or because `signal` was aborted, weights and moments are still those of `state`.
 *
 * @param learningRate used instead of the schedule's
 */
export async function takeStep(
  training: Training,
  state: RunState,
  learningRate: number = learningRateAt(state.step, training.config.schedule),
): Promise<{ state: RunState; metrics: StepMetrics }> {
  const { model, config, loader, spikes } = training;
  const started = performance.now();
  const sums = await accumulateGradients(training);
  const meanLoss = sums.loss / sums.targets;
  const spike = spikes.judge(meanLoss);
  const skipsSpike = spike !== undefined && config.spikes.action !== "report";
  if (skipsSpike) dropGradients(model);
  else applyAdamW(model, config.optimizer, learningRate, state.step + 1 - state.skippedSteps);
  const [squaredNorm = Number.NaN] = await model.backend.read(model.state.squaredNorm);
  if (spike !== undefined && config.spikes.action === "stop") {
    throw new SpikeStop(describeSpike(state.step + 1, meanLoss, spike, config));
  }
  if (!skipsSpike) spikes.add(meanLoss);
  const seconds = (performance.now() - started) / 1000;

  const skipped = skipsSpike ? "spike" : Number.isFinite(squaredNorm) ? undefined : "gradient";
  const next: RunState = {
    step: state.step + 1,
    skippedSteps: state.skippedSteps + (skipped === undefined ? 0 : 1),
    cursor: loader.cursor,
    tokens: state.tokens + tokensPerStep(config),
  };
  const metrics: StepMetrics = {
    step: next.step,
    loss: meanLoss,
    accuracy: sums.correct / sums.targets,
    learningRate,
    gradientNorm: Math.sqrt(squaredNorm),
    ...(skipped === undefined ? {} : { skipped }),
    ...(spike === undefined ? {} : { spikeLimit: spike.limit }),
    tokens: next.tokens,
    cursor: next.cursor,
    timing: timing(training, seconds),
  };
  return { state: next, metrics };
}

function describeSpike(step: number, loss: number, { mean, limit }: Spike, config: TrainingConfig): string {
  const { window, deviations } = config.spikes;
  return `step ${step}: loss ${loss.toFixed(3)} is a spike (mean of the last ${window} steps ${mean.toFixed(3)}, ${deviations} deviations above it ${limit.toFixed(3)}); the weights are those before it; set spikes.action to skip or report, or lower schedule.learningRate, and run the same command again`;
}

/**
 * Adds up the gradients of all micro-batches of a step; resolves when all of them have been computed. The step's rows
 * are read first (4 MB for the largest published step): how many targets they have decides the weight of each.
 */
async function accumulateGradients({ model, config, loader, marks, signal, onTokens }: Training) {
  const { backend, state } = model;
  const { microBatch, accumulation, sequenceLength } = config.batch;
  signal.throwIfAborted();
  const rows = await loader.next(rowsPerStep(config));
  const targets = countTargets(rows, sequenceLength, marks.padding);
  const length = microBatch * sequenceLength;
  backend.zero(state.sums);
  const inFlight: Promise<Float32Array>[] = [];
  try {
    for (let index = 0; index < accumulation; index++) {
      signal.throwIfAborted();
      setMicroBatch(model, rows.subarray(index * length, (index + 1) * length), marks);
      accumulateMicroBatch(model, 1 / Math.max(targets, 1));
      const read = backend.read(state.sums);
      inFlight.push(read);
      read.then(
        () => onTokens(length),
        () => undefined, // Whoever awaits it reports the failure.
      );
      if (inFlight.length > maxInFlight) await inFlight.shift();
    }
  } finally {
    await Promise.allSettled(inFlight);
  }
  const [lossSum = Number.NaN, correct = 0] = (await inFlight.at(-1)) ?? [];
  return { loss: lossSum, correct, targets };
}

function timing({ config, peakTeraflops }: Training, seconds: number): StepMetrics["timing"] {
  const tokensPerSecond = tokensPerStep(config) / seconds;
  const flopsPerToken = trainingFlopsPerToken(config.model, config.batch.sequenceLength);
  const teraflops = (tokensPerSecond * flopsPerToken) / 1e12;
  return {
    time: Date.now() / 1000,
    seconds,
    tokensPerSecond,
    teraflops,
    ...(peakTeraflops === undefined ? {} : { modelFlopsUtilization: teraflops / peakTeraflops }),
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** Counts steps that changed no weight and ends a run that has diverged. */
export function createDivergenceGuard(): (metrics: StepMetrics) => void {
  let inRow = 0;
  return ({ step, skipped }) => {
    inRow = skipped === undefined ? 0 : inRow + 1;
    if (inRow < maxSkippedInRow) return;
    const what = skipped === "spike" ? "the loss was a spike" : "the gradient was not finite";
    throw new UserError(
      `step ${step}: ${what}, and no weight was changed ${inRow} steps in a row; lower schedule.learningRate, or look at the data of these steps (metrics.jsonl names the rows)`,
    );
  };
}
