import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Backend, ComputeType } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { accumulateMicroBatch, backward, forward, loss, type TrainingModel } from "../../model/llama.ts";
import { planMemory } from "../../model/memory-plan.ts";
import { createRandom } from "../../model/random.ts";
import { createTrainingModel, exactWeights, setMicroBatch, setWeights } from "../../model/training-model.ts";
import type { MomentType } from "../../model/training-state.ts";
import { applyAdamW } from "../../train/adamw.ts";
import { loadCheckpoint, saveCheckpoint } from "../../train/run/checkpoint.ts";
import { temporaryFolder } from "../support/folders.ts";
import { emulatedCard } from "./emulator/card.ts";
import { maxDifference, readTensors } from "./tiny-llama.ts";

/*
 * Training with the cuda backend on the CPU harness, which stands in for NVIDIA's driver and runs the same kernels: what
 * it proves, a card must still confirm (`npm run check:gpu`).
 */

const { missing, open: openEmulated } = await emulatedCard();

const config = {
  vocabSize: 211,
  layers: 2,
  dModel: 64,
  heads: 4,
  kvHeads: 2,
  dHidden: 100,
  maxSequenceLength: 40,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 10_000,
  initializerRange: 0.05,
};

interface Settings {
  readonly computeType: ComputeType;
  readonly moments?: MomentType;
  /** Enqueue the operations of every micro-batch anew instead of repeating a recording. */
  readonly direct?: boolean;
}

const shapeOf = ({ computeType, moments = "f32" }: Settings) => ({
  config,
  sequences: 2,
  sequenceLength: 24,
  computeType,
  moments,
  recompute: "none" as const,
  documentAttention: false,
});

async function createModel(backend: Backend, settings: Settings): Promise<TrainingModel> {
  const model = createTrainingModel(backend, shapeOf(settings));
  await setWeights(model, ({ name, rows, columns }) => {
    const random = createRandom(3, name);
    return Float32Array.from({ length: rows * columns }, () => 0.05 * random.normal());
  });
  return model;
}

const microBatches = 2;

/** Takes steps of two micro-batches on made-up rows that repeat after each step; returns each step's mean loss. */
async function train(model: TrainingModel, steps: number, settings: Settings, from = 1): Promise<number[]> {
  const { backend, state } = model;
  const random = createRandom(4, "rows");
  const batches = Array.from({ length: microBatches }, () =>
    Int32Array.from({ length: 48 }, () => Math.floor(random.uniform() ** 3 * config.vocabSize)),
  );
  const adamw = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
  const losses: number[] = [];
  const targets = microBatches * 46;
  for (let step = from; step < from + steps; step++) {
    backend.zero(state.sums);
    for (const batch of batches) {
      setMicroBatch(model, batch);
      if (settings.direct) {
        forward(model);
        loss(model, 1 / targets);
        backward(model);
      } else {
        accumulateMicroBatch(model, 1 / targets);
      }
    }
    applyAdamW(model, adamw, 1e-2, step);
    const [sum = Number.NaN] = await backend.read(state.sums);
    losses.push(sum / targets);
  }
  return losses;
}

async function trained(settings: Settings, steps = 3, open: () => Promise<Backend> = openEmulated) {
  const backend = await open();
  const model = await createModel(backend, settings);
  const losses = await train(model, steps, settings);
  const weights = await readTensors(model, exactWeights(model));
  await backend.close();
  return { losses, weights };
}

function largestDifference(a: Map<string, Float32Array>, b: Map<string, Float32Array>): number {
  return Math.max(...[...a].map(([name, values]) => maxDifference(values, b.get(name))));
}

describe("training on the emulated cuda device", { skip: missing ?? false }, () => {
  it("equals the reference in float32, and stays near it in bf16, while the loss falls", async () => {
    const reference = await trained({ computeType: "f32" }, 3, async () => createReferenceBackend());
    const exact = await trained({ computeType: "f32" });
    assert.ok(maxDifference(exact.losses, reference.losses) < 1e-5, `${exact.losses}`);
    // A step moves a weight by about 1e-2; float32 sums in another order leave a thousandth of that.
    assert.ok(largestDifference(exact.weights, reference.weights) < 2e-5);
    const rounded = await trained({ computeType: "bf16" });
    for (const [step, expected] of reference.losses.entries()) {
      assert.ok(
        Math.abs(rounded.losses[step]! / expected - 1) < 5e-3,
        `step ${step}: ${rounded.losses[step]}`,
      );
    }
    assert.ok(rounded.losses.at(-1)! < rounded.losses[0]! - 0.1, `${rounded.losses}`);
  });

  it("gives the same bits again, recorded or not, with moments of either type", async () => {
    const settings = { computeType: "bf16" } as const;
    assert.deepEqual(await trained({ ...settings, direct: true }), await trained(settings));
    const rounded = { ...settings, moments: "bf16" } as const;
    assert.deepEqual(await trained({ ...rounded, direct: true }), await trained(rounded));
  });

  it("continues from a checkpoint bit for bit", async () => {
    const folder = temporaryFolder();
    const identity = { fingerprint: "run", tokenizerSha256: "tokenizer" };
    const settings = { computeType: "bf16", moments: "bf16" } as const;
    const whole = await trained(settings, 3);
    const first = await openEmulated();
    const begun = await createModel(first, settings);
    await train(begun, 2, settings);
    const state = { step: 2, skippedSteps: 0, cursor: { epoch: 0, row: 0 }, tokens: 0 };
    const checkpoint = await saveCheckpoint(join(folder, "checkpoints"), begun, state, identity);
    await first.close();

    const second = await openEmulated();
    const resumed = createTrainingModel(second, shapeOf(settings));
    await loadCheckpoint(checkpoint, resumed, identity);
    const losses = await train(resumed, 1, settings, 3);
    assert.deepEqual(losses, whole.losses.slice(2));
    assert.deepEqual(await readTensors(resumed, exactWeights(resumed)), whole.weights);
    await second.close();
  });

  it("allocates exactly what was planned, and nothing more as it goes on", async () => {
    const settings = { computeType: "bf16" } as const;
    const backend = await openEmulated();
    const model = await createModel(backend, settings);
    await train(model, 1, settings);
    const planned = planMemory(shapeOf(settings), backend).totalBytes;
    assert.equal(await backend.allocatedBytes(), planned);
    await train(model, 2, settings, 2);
    assert.equal(await backend.allocatedBytes(), planned);
    await backend.close();
  });

  it("lets the host wait for nothing inside a step, and uploads beside the computing stream", async () => {
    const settings = { computeType: "bf16" } as const;
    const log = join(temporaryFolder(), "calls.txt");
    const calls = () => readFileSync(log, "utf8").trimEnd().split("\n");
    process.env.APT3_EMULATOR_CALLS = log;
    const backend = await openEmulated();
    const model = await createModel(backend, settings);
    await train(model, 2, settings); // Loads kernels, allocates scratch memory and records.
    const begun = calls().length;
    await train(model, 1, settings, 3);
    const all = calls();
    delete process.env.APT3_EMULATOR_CALLS;
    await backend.close();

    const step = all.slice(begun);
    const count = (pattern: RegExp, among = step) => among.filter((call) => pattern.test(call)).length;
    assert.equal(
      count(/StreamSynchronize|CtxSynchronize|cuMem(Alloc|Free)|cuModule|Instantiate|BeginCap/),
      0,
    );
    // It ends with the read of its loss: the one copy back, and the one wait for the device.
    assert.match(step.slice(-3).join(), /^cuMemcpyDtoHAsync_v2,cuEventRecord (\w+),cuEventSynchronize \1$/);
    assert.equal(count(/^cuMemcpyDtoH/), 1);
    for (const [index, call] of step.slice(0, -1).entries()) {
      // Pinned memory is written again only after it was uploaded: the host waits if it is 16 uploads ahead.
      const event = /^cuEventSynchronize (\w+)$/.exec(call)?.[1];
      if (event === undefined) continue;
      const now = begun + index;
      const recorded = all.lastIndexOf(`cuEventRecord ${event}`, now);
      assert.equal(count(/^cuMemcpyHtoDAsync/, all.slice(recorded, now)), 15, "waits for the oldest upload");
    }
    assert.equal(count(/^cuGraphLaunch/), microBatches, "a micro-batch is one launch");
    // Uploads have a stream of their own, and the computing one waits for each alone.
    assert.ok(count(/^cuMemcpyHtoDAsync/) >= microBatches);
    assert.equal(count(/^cuStreamWaitEvent/), count(/^cuMemcpyHtoDAsync/));
    const launched = new Set(step.filter((call) => call.startsWith("cuLaunchKernel")));
    const update = ["apt3_adamw", "apt3_squared_norm", "apt3_squared_norm_sum"];
    assert.deepEqual(
      [...launched].sort(),
      update.map((kernel) => `cuLaunchKernel ${kernel}`),
    );
  });
});
