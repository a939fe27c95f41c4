import type { CudaBackend } from "../../../model/backends/cuda.ts";
import { accumulateMicroBatch, type TrainingModel } from "../../../model/llama.ts";
import { planMemory } from "../../../model/memory-plan.ts";
import { trainingFlopsPerToken } from "../../../model/parameters.ts";
import { createRandom } from "../../../model/random.ts";
import { createTrainingModel, setMicroBatch, setWeights } from "../../../model/training-model.ts";
import type { TrainingShape } from "../../../model/training-state.ts";
import { applyAdamW } from "../../../train/adamw.ts";

export interface Throughput {
  readonly plannedBytes: number;
  readonly allocatedBytes: number;
  readonly microBatchSeconds: number;
  readonly stepSeconds: number;
  /** Of micro-batches alone; the update is a hundredth of a percent of the published step. */
  readonly tokensPerSecond: number;
  /** By the count 6 N + 12 L·d·T a token. */
  readonly teraflops: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
}

/**
 * Trains on made-up rows: recorded micro-batches with random weights and tokens (zeros would run cooler and faster), and
 * an update in between. Takes the median of the micro-batches' times, each over a few of them.
 */
export async function measureThroughput(
  backend: CudaBackend,
  shape: TrainingShape,
  rounds: number,
): Promise<Throughput> {
  const model = createTrainingModel(backend, shape);
  await setRandomWeights(model);
  const random = createRandom(7, "tokens");
  const tokens = shape.sequences * shape.sequenceLength;
  const targets = shape.sequences * (shape.sequenceLength - 1);
  const rows = Array.from({ length: 4 }, () =>
    Int32Array.from({ length: tokens }, () => Math.floor(random.uniform() ** 3 * shape.config.vocabSize)),
  );
  const perRound = 4;
  const settings = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
  const losses: number[] = [];
  const microBatchTimes: number[] = [];
  const stepTimes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    backend.zero(model.state.sums);
    await backend.read(model.state.squaredNorm);
    const started = performance.now();
    for (const row of rows) {
      setMicroBatch(model, row);
      accumulateMicroBatch(model, 1 / (perRound * targets));
    }
    const [sum = Number.NaN] = await backend.read(model.state.sums);
    const computed = performance.now();
    applyAdamW(model, settings, 1e-4, round + 1);
    await backend.read(model.state.squaredNorm);
    losses.push(sum / (perRound * targets));
    // The first rounds load kernels and record.
    if (round < 2) continue;
    microBatchTimes.push((computed - started) / 1000 / perRound);
    stepTimes.push((performance.now() - computed) / 1000);
  }
  const microBatchSeconds = median(microBatchTimes);
  const tokensPerSecond = tokens / microBatchSeconds;
  return {
    plannedBytes: planMemory(shape, backend).totalBytes,
    allocatedBytes: await backend.allocatedBytes(),
    microBatchSeconds,
    stepSeconds: median(stepTimes),
    tokensPerSecond,
    teraflops: (tokensPerSecond * trainingFlopsPerToken(shape.config, shape.sequenceLength)) / 1e12,
    firstLoss: losses[0] ?? Number.NaN,
    lastLoss: losses.at(-1) ?? Number.NaN,
  };
}

/** Normal weights from one pool: drawing a billion of them would take a minute. */
async function setRandomWeights(model: TrainingModel): Promise<void> {
  const random = createRandom(8, "weights");
  const pool = Float32Array.from({ length: 1 << 20 }, () => 0.02 * random.normal());
  await setWeights(model, ({ name, rows, columns }) => {
    if (/norm/i.test(name)) return new Float32Array(rows * columns).fill(1);
    const values = new Float32Array(rows * columns);
    for (let at = 0; at < values.length; at += pool.length) {
      values.set(pool.subarray(0, Math.min(pool.length, values.length - at)), at);
    }
    return values;
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
