import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as tf from "@tensorflow/tfjs-core";
import type { Backend } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { installedDevices, tensorflowDevices } from "../../model/backends/tensorflow/devices.ts";
import { createTensorflowBackend } from "../../model/backends/tensorflow.ts";
import { accumulateMicroBatch, type TrainingModel } from "../../model/llama.ts";
import { createRandom } from "../../model/random.ts";
import { createTrainingModel, setMicroBatch, setWeights } from "../../model/training-model.ts";
import { applyAdamW } from "../../train/adamw.ts";
import { maxDifference, readTensors } from "./tiny-llama.ts";

const config = {
  vocabSize: 61,
  layers: 2,
  dModel: 24,
  heads: 4,
  kvHeads: 2,
  dHidden: 40,
  maxSequenceLength: 20,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 10_000,
  initializerRange: 0.05,
};

async function createModel(backend: Backend): Promise<TrainingModel> {
  const model = createTrainingModel(backend, {
    config,
    sequences: 2,
    sequenceLength: 20,
    computeType: "f32",
    recompute: "full",
    moments: "f32",
    documentAttention: true,
  });
  await setWeights(model, ({ name, rows, columns }) => {
    const random = createRandom(3, name);
    return Float32Array.from({ length: rows * columns }, () => 0.05 * random.normal());
  });
  return model;
}

/** Takes steps on made-up rows; returns their losses. */
async function train(model: TrainingModel, steps: number, seen?: () => void): Promise<number[]> {
  const random = createRandom(4, "rows");
  const ids = Int32Array.from({ length: 40 }, () => Math.floor(random.uniform() * config.vocabSize));
  const settings = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const targets = setMicroBatch(model, ids, { beginOfText: ids[7] });
    model.backend.zero(model.state.sums);
    accumulateMicroBatch(model, 1 / targets);
    applyAdamW(model, settings, 5e-3, step);
    const [sum = Number.NaN] = await model.backend.read(model.state.sums);
    losses.push(sum / targets);
    seen?.();
  }
  return losses;
}

const floats = (backend: Backend, rows: number, columns: number) =>
  backend.create({ name: "floats", dtype: "f32", rows, columns });

const column = (backend: Backend, values: readonly number[]) => {
  const buffer = backend.create({ name: "ids", dtype: "i32", rows: values.length, columns: 1 });
  backend.write(buffer, Int32Array.from(values));
  return buffer;
};

/** The project's promise for float32, as in llama.test.ts: AdamW moves a weight by its rate however small its gradient. */
const weightTolerance = 1e-4;

const installed = installedDevices();

for (const device of tensorflowDevices) {
  // A tensor that a step forgets shows after the next one; plain JavaScript takes its time.
  const steps = device === "cpu" ? 8 : 40;
  const skip = installed.includes(device) ? false : "not installed";
  describe(`the tensorflow backend on ${device}`, { skip }, () => {
    it("trains as the reference does", async () => {
      const trained = async (backend: Backend) => {
        const model = await createModel(backend);
        const losses = await train(model, 10);
        const weights = await readTensors(model, model.state.weights);
        await backend.close();
        return { losses, weights };
      };
      const expected = await trained(createReferenceBackend());
      const found = await trained(await createTensorflowBackend({ device }));
      assert.ok(expected.losses.at(-1)! < expected.losses[0]! - 0.1, "the model learns");
      const lossDifference = maxDifference(found.losses, expected.losses);
      assert.ok(lossDifference <= 2e-6, `losses differ by ${lossDifference}`);
      for (const [name, values] of expected.weights) {
        const difference = maxDifference(found.weights.get(name) ?? [], values);
        assert.ok(difference <= weightTolerance, `${name} differs by ${difference}`);
      }
    });

    it(`holds as many tensors after ${steps} steps as after the first, and none when it is closed`, async () => {
      const backend = await createTensorflowBackend({ device });
      const model = await createModel(backend);
      const tensors: number[] = [];
      const bytes: number[] = [];
      await train(model, steps, () => {
        tensors.push(tf.memory().numTensors);
        bytes.push(tf.memory().numBytes);
      });
      assert.equal(tensors.length, steps);
      assert.ok(tensors[0]! > 60);
      assert.deepEqual(new Set(tensors).size, 1);
      assert.deepEqual(new Set(bytes).size, 1);
      await backend.close();
      assert.equal(tf.memory().numTensors, 0);
    });
  });
}

describe("the tensorflow backend", () => {
  it("only enqueues work, and leaves the event loop turns while it computes", async () => {
    const backend = await createTensorflowBackend({ device: "cpu" });
    const [a, b, out] = [floats(backend, 256, 256), floats(backend, 256, 256), floats(backend, 256, 256)];
    const before = tf.memory().numTensors;
    for (let i = 0; i < 10; i++) backend.matmul({ a, b, out, transposition: "nt" });
    assert.equal(tf.memory().numTensors, before);
    let turns = 0;
    let computing = true;
    const done = backend.read(out).then(() => {
      computing = false;
    });
    while (computing) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    await done;
    assert.ok(turns > 3, `${turns} turns of the event loop`);
    await backend.close();
  });

  it("reports ids that are not in the vocabulary at the next read and then goes on", async () => {
    const backend = await createTensorflowBackend({ device: "cpu" });
    const [weight, out] = [floats(backend, 3, 2), floats(backend, 2, 2)];
    backend.embedding({ ids: column(backend, [0, 3]), weight, out });
    backend.write(out, Float32Array.of(1, 2, 3, 4));
    await assert.rejects(backend.read(out), /token id 3 of row 1 is not in 0…2/);
    backend.write(out, Float32Array.of(1, 2, 3, 4));
    assert.deepEqual(await backend.read(out), Float32Array.of(1, 2, 3, 4));
    await backend.close();
  });

  it("refuses shapes and types that do not fit, which TensorFlow.js would broadcast", async () => {
    const backend = await createTensorflowBackend({ device: "cpu" });
    const [x, narrow] = [floats(backend, 2, 4), floats(backend, 2, 3)];
    assert.throws(
      () => backend.matmul({ a: x, b: narrow, out: x, transposition: "nt" }),
      /floats \(f32 \[2, 4\]\) and floats \(f32 \[2, 3\]\) do not give/,
    );
    assert.throws(() => backend.swiglu({ gateUp: x, out: narrow }), /expected f32 \[2, 6\]/);
    assert.throws(() => backend.copy({ from: x, fromRow: 1, to: x, toRow: 0, rows: 2 }), /outside floats/);
    assert.throws(() => backend.write(x, new Int32Array(8)), /Int32Array written to f32/);
    assert.throws(() => backend.write(x, new Float32Array(7)), /8 elements, 7 written/);
    await backend.close();
  });

  it("takes no more work for a buffer that was freed, or closed with its backend", async () => {
    const backend = await createTensorflowBackend({ device: "cpu" });
    const [freed, kept] = [floats(backend, 4, 4), floats(backend, 4, 4)];
    backend.free(freed);
    await assert.rejects(backend.read(freed), /freed/);
    await backend.close();
    await assert.rejects(backend.read(kept), /freed/);
  });

  it("computes on one device at a time", async () => {
    const backend = await createTensorflowBackend({ device: "cpu" });
    const buffer = floats(backend, 1, 1);
    await backend.read(buffer);
    await assert.rejects(createTensorflowBackend({ device: "wasm" }), {
      name: "ModelInputError",
      message: "TensorFlow.js computes on cpu already; close that backend first",
    });
    await backend.close();
    await (await createTensorflowBackend({ device: "wasm" })).close();
  });
});
