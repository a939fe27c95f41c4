import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Backend, ComputeType } from "../../model/backend.ts";
import { cpuUnavailable, createCpuBackend } from "../../model/backends/cpu.ts";
import { backward, forward, loss, type TrainingModel } from "../../model/llama.ts";
import { createRandom } from "../../model/random.ts";
import { createTrainingModel, exactWeights, setMicroBatch, setWeights } from "../../model/training-model.ts";
import { applyAdamW } from "../../train/adamw.ts";
import { readTensors } from "./tiny-llama.ts";

const config = {
  vocabSize: 211,
  layers: 2,
  dModel: 48,
  heads: 4,
  kvHeads: 2,
  dHidden: 100,
  maxSequenceLength: 70,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 10_000,
  initializerRange: 0.05,
};

async function createModel(backend: Backend, computeType: ComputeType): Promise<TrainingModel> {
  const model = createTrainingModel(backend, {
    config,
    sequences: 3,
    sequenceLength: 70,
    computeType,
    recompute: "none",
    documentAttention: false,
  });
  await setWeights(model, ({ name, rows, columns }) => {
    const random = createRandom(3, name);
    return Float32Array.from({ length: rows * columns }, () => 0.05 * random.normal());
  });
  return model;
}

/** Takes steps on made-up rows; returns the last step's summed loss. */
async function train(model: TrainingModel, steps: number): Promise<number> {
  const random = createRandom(4, "rows");
  const ids = Int32Array.from({ length: 210 }, () => Math.floor(random.uniform() * config.vocabSize));
  const settings = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
  let sum = Number.NaN;
  for (let step = 1; step <= steps; step++) {
    const targets = setMicroBatch(model, ids);
    model.backend.zero(model.state.sums);
    forward(model);
    loss(model, 1 / targets);
    backward(model);
    applyAdamW(model, settings, 1e-3, step);
    [sum = Number.NaN] = await model.backend.read(model.state.sums);
  }
  return sum;
}

describe("the cpu backend", { skip: cpuUnavailable() ?? false }, () => {
  const column = (backend: Backend, values: readonly number[]) => {
    const buffer = backend.create({ name: "ids", dtype: "i32", rows: values.length, columns: 1 });
    backend.write(buffer, Int32Array.from(values));
    return buffer;
  };
  const floats = (backend: Backend, rows: number, columns: number) =>
    backend.create({ name: "floats", dtype: "f32", rows, columns });

  for (const computeType of ["f32", "bf16"] as const) {
    it(`trains to the same bits on any number of threads in ${computeType}`, async () => {
      const weights: Map<string, Float32Array>[] = [];
      for (const threads of [1, 2, 5]) {
        const backend = createCpuBackend({ threads });
        const model = await createModel(backend, computeType);
        await train(model, 3);
        weights.push(await readTensors(model, exactWeights(model)));
        await backend.close();
      }
      assert.deepEqual(weights[1], weights[0]);
      assert.deepEqual(weights[2], weights[0]);
    });
  }

  for (const dtype of ["f32", "bf16"] as const) {
    it(`multiplies to the same bits on any number of threads in ${dtype}`, async () => {
      // Groups of rows and panels of columns that no number of threads divides, and two blocks of the inner dimension.
      const [m, n, k] = [203, 170, 2100];
      const values = Float32Array.from({ length: m * k }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
      const results: Float32Array[][] = [];
      for (const threads of [1, 2, 3, 7]) {
        const backend = createCpuBackend({ threads });
        const matrix = (name: string, rows: number, columns: number) => {
          const buffer = backend.create({ name, dtype, rows, columns });
          backend.write(buffer, values.subarray(0, rows * columns));
          return buffer;
        };
        const operands = {
          nt: { a: matrix("a", m, k), b: matrix("b", n, k) },
          nn: { a: matrix("a", m, k), b: matrix("b", k, n) },
          tn: { a: matrix("a", k, m), b: matrix("b", k, n) },
        };
        const outs = (["nt", "nn", "tn"] as const).map((transposition) => {
          const out = matrix(transposition, m, n);
          backend.matmul({ ...operands[transposition], out, transposition, plus: out });
          return backend.read(out);
        });
        results.push(await Promise.all(outs));
        await backend.close();
      }
      for (const result of results.slice(1)) assert.deepEqual(result, results[0]);
    });
  }

  it("leaves the event loop free while it computes", async () => {
    const backend = createCpuBackend({ threads: 1 });
    const [a, b, out] = [
      floats(backend, 1024, 1024),
      floats(backend, 1024, 1024),
      floats(backend, 1024, 1024),
    ];
    for (let i = 0; i < 10; i++) backend.matmul({ a, b, out, transposition: "nt" });
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
    assert.ok(turns > 20, `${turns} turns of the event loop`);
    await backend.close();
  });

  it("does not keep the process alive when nothing is awaited", async () => {
    const backendFile = new URL("../../model/backends/cpu.ts", import.meta.url).href;
    const script = `import { createCpuBackend } from ${JSON.stringify(backendFile)};
      const backend = createCpuBackend();
      const buffer = backend.create({ name: "x", dtype: "f32", rows: 1, columns: 1 });
      await backend.read(buffer);
      backend.zero(buffer);
      console.log("ends");`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", script],
      { timeout: 20_000 },
    );
    assert.equal(stdout, "ends\n");
  });

  it("reports ids that are not in the vocabulary at the next read and then goes on", async () => {
    const backend = createCpuBackend();
    const [weight, out] = [floats(backend, 3, 2), floats(backend, 2, 2)];
    backend.embedding({ ids: column(backend, [0, 3]), weight, out });
    backend.write(out, Float32Array.of(1, 2, 3, 4));
    await assert.rejects(backend.read(out), /token id 3 of row 1 is not in 0…2/);
    backend.write(out, Float32Array.of(1, 2, 3, 4));
    assert.deepEqual(await backend.read(out), Float32Array.of(1, 2, 3, 4));
    await backend.close();
  });

  it("refuses shapes and types that do not fit before native code sees them", () => {
    const backend = createCpuBackend();
    const [x, narrow] = [floats(backend, 2, 4), floats(backend, 2, 3)];
    assert.throws(
      () => backend.matmul({ a: x, b: narrow, out: x, transposition: "nt" }),
      /floats \(f32 \[2, 4\]\) and floats \(f32 \[2, 3\]\) do not give/,
    );
    assert.throws(() => backend.swiglu({ gateUp: x, out: narrow }), /expected f32 \[2, 6\]/);
    assert.throws(() => backend.copy({ from: x, fromRow: 1, to: x, toRow: 0, rows: 2 }), /outside floats/);
    assert.throws(() => backend.write(x, new Int32Array(8)), /Int32Array written to f32/);
    assert.throws(() => backend.write(x, new Float32Array(7)), /8 elements, 7 written/);
  });

  it("frees its memory on close and takes no more work", async () => {
    const backend = createCpuBackend();
    const buffer = floats(backend, 4, 4);
    await backend.close();
    assert.throws(() => backend.zero(buffer), /freed/);
    await assert.rejects(backend.read(buffer), /freed/);
  });

  it("takes no more memory after another 1,000 steps than after 100", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const backend = createCpuBackend();
    const model = await createModel(backend, "bf16");
    const trainAndRead = async (steps: number) => {
      for (let step = 0; step < steps; step++) {
        await train(model, 1);
        await backend.read(model.state.final.logits); // 177 KB
      }
      collectGarbage();
      return process.memoryUsage.rss();
    };
    const before = await trainAndRead(100);
    const grown = (await trainAndRead(1000)) - before;
    // 1,000 leaked reads would be 177 MB.
    assert.ok(grown < 20 * 2 ** 20, `${grown} bytes more`);
    await backend.close();
  });
});
