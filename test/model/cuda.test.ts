import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Backend, ComputeType } from "../../model/backend.ts";
import { cpuUnavailable } from "../../model/backends/cpu.ts";
import { type CudaBackend, createCudaBackend, cudaUnavailable } from "../../model/backends/cuda.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { accumulateMicroBatch, backward, forward, loss, type TrainingModel } from "../../model/llama.ts";
import { planMemory } from "../../model/memory-plan.ts";
import { createRandom } from "../../model/random.ts";
import { createTrainingModel, exactWeights, setMicroBatch, setWeights } from "../../model/training-model.ts";
import type { MomentType } from "../../model/training-state.ts";
import { applyAdamW } from "../../train/adamw.ts";
import { loadCheckpoint, saveCheckpoint } from "../../train/run/checkpoint.ts";
import { temporaryFolder } from "../support/folders.ts";
import { buildEmulator, emulatorMissing } from "./emulator/build.ts";
import { maxDifference, readTensors } from "./tiny-llama.ts";

/*
 * The cuda backend end to end on the CPU harness, which stands in for NVIDIA's driver and runs the same kernels: what it
 * proves, a card must still confirm (`npm run check:gpu`).
 */

const missing = cpuUnavailable() ?? emulatorMissing();
const library = missing === undefined ? (await buildEmulator("fast")).library : "";
const openEmulated = () => createCudaBackend({ library, kernels: [new Uint8Array(1)] });

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
});

describe("the cuda backend", { skip: missing ?? false }, () => {
  const column = (backend: Backend, values: readonly number[]) => {
    const buffer = backend.create({ name: "ids", dtype: "i32", rows: values.length, columns: 1 });
    backend.write(buffer, Int32Array.from(values));
    return buffer;
  };
  const floats = (backend: Backend, rows: number, columns: number) =>
    backend.create({ name: "floats", dtype: "f32", rows, columns });
  const using = async (body: (backend: CudaBackend) => Promise<void>) => {
    const backend = await openEmulated();
    await body(backend);
    await backend.close();
  };

  it("gives freed memory back, and all of it when closed", async () => {
    let atFirst = 0;
    await using(async (backend) => {
      atFirst = backend.memoryBytes;
      const before = await backend.allocatedBytes();
      for (let i = 0; i < 20; i++) backend.free(floats(backend, 1000, 1000));
      floats(backend, 1, 8); // Allocating gives back what was freed before.
      assert.equal(await backend.allocatedBytes(), before + 32);
    });
    await using(async (backend) => assert.equal(backend.memoryBytes, atFirst));
  });

  it("writes and reads matrices larger than its pieces, padded or not", () =>
    using(async (backend) => {
      for (const [rows, columns] of [
        [700, 333],
        [3, 100_003],
        [1, 1],
      ] as const) {
        const values = Float32Array.from({ length: rows * columns }, (_, i) => i % 251);
        for (const dtype of ["f32", "bf16"] as const) {
          const buffer = backend.create({ name: "x", dtype, rows, columns });
          backend.write(buffer, values);
          assert.deepEqual(await backend.read(buffer), values);
        }
      }
    }));

  it("leaves the event loop free while it computes", () =>
    using(async (backend) => {
      const [a, b, out] = [floats(backend, 400, 400), floats(backend, 400, 400), floats(backend, 400, 400)];
      for (let i = 0; i < 4; i++) backend.matmul({ a, b, out, transposition: "nt" });
      let [turns, computing] = [0, true];
      const done = backend.read(out).then(() => {
        computing = false;
      });
      while (computing) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
      await done;
      assert.ok(turns > 20, `${turns} turns of the event loop`);
    }));

  it("reports ids outside the vocabulary at the next read and then goes on, also in a recording", () =>
    using(async (backend) => {
      const [weight, out] = [floats(backend, 3, 2), floats(backend, 2, 2)];
      const ids = column(backend, [0, 2]);
      const lookUp = () => backend.repeat([ids], () => backend.embedding({ ids, weight, out }));
      for (let i = 0; i < 3; i++) lookUp();
      await backend.read(out);
      backend.write(ids, Int32Array.of(1, 3));
      lookUp();
      await assert.rejects(backend.read(out), /3 is not in 0…2/);
      backend.write(ids, Int32Array.of(1, 1));
      for (let i = 0; i < 3; i++) lookUp();
      backend.write(out, Float32Array.of(1, 2, 3, 4));
      assert.deepEqual(await backend.read(out), Float32Array.of(1, 2, 3, 4));
    }));

  it("says how much memory is missing", () =>
    using(async (backend) => {
      floats(backend, 100_000, 100_000);
      await assert.rejects(backend.read(floats(backend, 1, 1)), /out of device memory: 40000000000 bytes/);
    }));

  it("does not write while it records", () =>
    using(async (backend) => {
      const x = floats(backend, 1, 1);
      const bad = () => backend.repeat([x], () => backend.write(x, Float32Array.of(1)));
      bad();
      bad();
      await assert.rejects(backend.read(x), /nothing can be written while operations are recorded/);
      assert.deepEqual(await backend.read(x), Float32Array.of(1));
    }));

  it("refuses shapes and types that do not fit before native code sees them", () =>
    using(async (backend) => {
      const [x, narrow] = [floats(backend, 2, 4), floats(backend, 2, 3)];
      assert.throws(() => backend.matmul({ a: x, b: narrow, out: x, transposition: "nt" }), /do not give/);
      const fused = { x, weight: narrow, gateUp: x, out: narrow };
      assert.throws(() => backend.matmulSwiglu(fused), /do not give/);
      assert.throws(() => backend.write(x, Float32Array.of(1)), /8 elements, 1 written/);
      assert.throws(() => backend.zero(createReferenceBackend().create(x)), /a buffer of another backend/);
    }));

  it("is not there without a driver, a device, a card or a driver new enough, and says so", () => {
    assert.match(
      cudaUnavailable({ library: "no-such-driver.so" }) ?? "",
      /^no NVIDIA driver: no-such-driver\.so/,
    );
    const file = JSON.stringify(new URL("../../model/backends/cuda.ts", import.meta.url).href);
    const script = `import { cudaUnavailable } from ${file};
      console.log(cudaUnavailable({ library: ${JSON.stringify(library)} }) ?? "available");`;
    const cases: [setting: Record<string, string>, expected: RegExp][] = [
      [{ INIT: "100" }, /^the NVIDIA driver cannot be used: .*CUDA error 100/],
      [{ DEVICES: "0" }, /^the NVIDIA driver finds no GPU$/],
      [{ CAPABILITY: "75" }, /has compute capability 7\.5; bf16 tensor cores need 8\.0/],
      [{ DRIVER: "11080" }, /^the NVIDIA driver supports CUDA 11\.8, the kernels .* need 12\.0: install/],
      [{ CAPABILITY: "110", DRIVER: "12040" }, /supports CUDA 12\.4, the kernels .* need 12\.9: install/],
      [{ CAPABILITY: "120" }, /^available$/],
    ];
    for (const [setting, expected] of cases) {
      const env = Object.fromEntries(
        Object.entries(setting).map(([key, value]) => [`APT3_EMULATOR_${key}`, value]),
      );
      const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
        encoding: "utf8",
        env: { ...process.env, ...env },
      });
      assert.match(stdout.trim(), expected, stderr);
    }
  });

  it("does not keep the process alive when nothing is awaited", () => {
    const file = JSON.stringify(new URL("../../model/backends/cuda.ts", import.meta.url).href);
    const script = `import { createCudaBackend } from ${file};
      const backend = await createCudaBackend({ library: ${JSON.stringify(library)}, kernels: [new Uint8Array(1)] });
      const x = backend.create({ name: "x", dtype: "f32", rows: 1, columns: 1 });
      await backend.read(x);
      backend.zero(x);
      console.log("ends");`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.equal(stdout, "ends\n");
  });
});
