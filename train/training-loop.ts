import { backward, forward, loss, type TrainingModel } from "../model/llama.ts";
import { trainingFlopsPerToken } from "../model/parameters.ts";
import { setMicroBatch } from "../model/training-model.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { applyAdamW } from "./adamw.ts";
import type { RunState } from "./checkpoint.ts";
import { rowsPerStep, type TrainingConfig, tokensPerStep } from "./config.ts";
import type { RowLoader } from "./loader.ts";
import type { StepMetrics } from "./metrics.ts";
import { learningRateAt } from "./schedule.ts";

/** What one step needs. */
export interface Training {
  readonly model: TrainingModel;
  readonly config: TrainingConfig;
  readonly loader: RowLoader;
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

/** Steps in a row without a finite gradient after which a run has diverged for good. */
const maxSkippedInRow = 10;

/**
 * Takes one step from `state`: the micro-batches, then the update. When it throws because `signal` was aborted, weights
 * and moments are still those of `state`.
 */
export async function takeStep(
  training: Training,
  state: RunState,
): Promise<{ state: RunState; metrics: StepMetrics }> {
  const { model, config, loader } = training;
  const { backend } = model;
  const started = performance.now();
  const sums = await accumulateGradients(training);
  const learningRate = learningRateAt(state.step, config.schedule);
  applyAdamW(model, config.optimizer, learningRate, state.step + 1 - state.skippedSteps);
  const [squaredNorm = Number.NaN] = await backend.read(model.state.squaredNorm);
  const seconds = (performance.now() - started) / 1000;

  const skipped = !Number.isFinite(squaredNorm);
  const next: RunState = {
    step: state.step + 1,
    skippedSteps: state.skippedSteps + (skipped ? 1 : 0),
    cursor: loader.cursor,
    tokens: state.tokens + tokensPerStep(config),
  };
  const metrics: StepMetrics = {
    step: next.step,
    loss: sums.loss / sums.targets,
    accuracy: sums.correct / sums.targets,
    learningRate,
    gradientNorm: Math.sqrt(squaredNorm),
    ...(skipped ? { skipped } : {}),
    tokens: next.tokens,
    cursor: next.cursor,
    timing: timing(training, seconds),
  };
  return { state: next, metrics };
}

/** Adds up the gradients of all micro-batches of a step; resolves when all of them have been computed. */
async function accumulateGradients({ model, config, loader, signal, onTokens }: Training) {
  const { backend, state } = model;
  const { microBatch, accumulation, sequenceLength } = config.batch;
  const gradientScale = 1 / (rowsPerStep(config) * (sequenceLength - 1));
  backend.zero(state.sums);
  const inFlight: Promise<Float32Array>[] = [];
  try {
    for (let index = 0; index < accumulation; index++) {
      signal.throwIfAborted();
      setMicroBatch(model, await loader.next(microBatch));
      forward(model);
      loss(model, gradientScale);
      backward(model);
      const read = backend.read(state.sums);
      inFlight.push(read);
      read.then(
        () => onTokens(microBatch * sequenceLength),
        () => undefined, // Whoever awaits it reports the failure.
      );
      if (inFlight.length > maxInFlight) await inFlight.shift();
    }
  } finally {
    await Promise.allSettled(inFlight);
  }
  const [lossSum = Number.NaN, correct = 0, targets = 0] = (await inFlight.at(-1)) ?? [];
  return { loss: lossSum, correct, targets };
}

function timing({ config, peakTeraflops }: Training, seconds: number): StepMetrics["timing"] {
  const tokensPerSecond = tokensPerStep(config) / seconds;
  const flopsPerToken = trainingFlopsPerToken(config.model, config.batch.sequenceLength);
  const teraflops = (tokensPerSecond * flopsPerToken) / 1e12;
  return {
    seconds,
    tokensPerSecond,
    teraflops,
    ...(peakTeraflops === undefined ? {} : { modelFlopsUtilization: teraflops / peakTeraflops }),
  };
}

/** Counts steps without a finite gradient and ends a run that has diverged. */
export function createDivergenceGuard(): (metrics: StepMetrics) => void {
  let inRow = 0;
  return ({ step, skipped }) => {
    inRow = skipped === true ? inRow + 1 : 0;
    if (inRow < maxSkippedInRow) return;
    throw new UserError(
      `step ${step}: the gradient was not finite ${inRow} steps in a row; lower schedule.learningRate, or look at the data of these steps (metrics.jsonl names the rows)`,
    );
  };
}
