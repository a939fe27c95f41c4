import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Backend, type DeviceBuffer, IGNORED_TARGET } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { createRandom } from "../../model/random.ts";

/** Step of the central differences, and what float32 results and the cubic term leave of accuracy with it. */
const step = 1e-2;
const tolerance = 2e-3;

type Values = Record<string, { rows: number; columns: number }>;
type Buffers<Names> = { [Name in keyof Names]: DeviceBuffer };

/** An operation as a function of its inputs, and its gradients given that of its output. */
interface Differentiable<Inputs extends Values> {
  readonly inputs: Inputs;
  readonly output: { rows: number; columns: number };
  forward(backend: Backend, inputs: Buffers<Inputs>, out: DeviceBuffer): void;
  /** Runs after `forward`; `gradients` start at zero. */
  backward(
    backend: Backend,
    inputs: Buffers<Inputs>,
    out: DeviceBuffer,
    dOut: DeviceBuffer,
    gradients: Buffers<Inputs>,
  ): void | Promise<void>;
}

/**
 * Compares every gradient with central differences of Σ w∘output for random w: with L(x) that sum,
 * dL/dx ≈ (L(x+h) − L(x−h)) / 2h.
 */
async function checkGradients<Inputs extends Values>(operation: Differentiable<Inputs>): Promise<void> {
  const backend = createReferenceBackend();
  const random = createRandom(2, "gradients");
  const create = ({ rows, columns }: { rows: number; columns: number }) =>
    backend.create({ name: "x", dtype: "f32", rows, columns });
  const names = Object.keys(operation.inputs) as (keyof Inputs)[];
  const tree = <T>(make: (name: keyof Inputs) => T) =>
    Object.fromEntries(names.map((name) => [name, make(name)])) as { [Name in keyof Inputs]: T };
  const draw = ({ rows, columns }: { rows: number; columns: number }) =>
    Float32Array.from({ length: rows * columns }, random.normal);

  const values = tree((name) => draw(operation.inputs[name]!));
  const buffers = tree((name) => create(operation.inputs[name]!));
  const out = create(operation.output);
  const weights = draw(operation.output);
  const weighted = async () => {
    operation.forward(backend, buffers, out);
    return (await backend.read(out)).reduce((sum, value, i) => sum + value * weights[i]!, 0);
  };

  for (const name of names) backend.write(buffers[name], values[name]);
  operation.forward(backend, buffers, out);
  const dOut = create(operation.output);
  backend.write(dOut, weights);
  const gradients = tree((name) => create(operation.inputs[name]!));
  await operation.backward(backend, buffers, out, dOut, gradients);

  for (const name of names) {
    const gradient = await backend.read(gradients[name]);
    const scale = Math.max(1, ...gradient.map(Math.abs));
    for (let i = 0; i < gradient.length; i++) {
      const moved = async (by: number) => {
        const shifted = values[name].slice();
        shifted[i]! += by;
        backend.write(buffers[name], shifted);
        return { at: shifted[i]!, loss: await weighted() };
      };
      const [above, below] = [await moved(step), await moved(-step)];
      const difference = (above.loss - below.loss) / (above.at - below.at);
      const error = Math.abs(difference - gradient[i]!);
      assert.ok(
        error <= tolerance * scale,
        `${String(name)}[${i}]: ${gradient[i]}, by differences ${difference}`,
      );
    }
    backend.write(buffers[name], values[name]);
  }
}

const column = (backend: Backend, values: number[]) => {
  const buffer = backend.create({ name: "i", dtype: "i32", rows: values.length, columns: 1 });
  backend.write(buffer, Int32Array.from(values));
  return buffer;
};
const scratch = (backend: Backend, rows: number, columns: number) =>
  backend.create({ name: "s", dtype: "f32", rows, columns });

describe("backward passes of the reference agree with finite differences", () => {
  it("rmsNorm", async () => {
    let scale: DeviceBuffer;
    await checkGradients({
      inputs: { x: { rows: 3, columns: 5 }, gain: { rows: 1, columns: 5 } },
      output: { rows: 3, columns: 5 },
      forward(backend, { x, gain }, out) {
        scale = scratch(backend, 3, 1);
        backend.rmsNorm({ x, gain, epsilon: 1e-6, out, scale });
      },
      backward(backend, { x, gain }, _out, dOut, gradients) {
        backend.rmsNormBackward({ x, gain, scale, dOut, dX: gradients.x, dGain: gradients.gain });
      },
    });
  });

  it("matmul, as llama.ts uses its three forms", async () => {
    await checkGradients({
      inputs: {
        x: { rows: 3, columns: 6 },
        weight: { rows: 5, columns: 6 },
        residual: { rows: 3, columns: 5 },
      },
      output: { rows: 3, columns: 5 },
      forward(backend, { x, weight, residual }, out) {
        backend.matmul({ a: x, b: weight, out, transposition: "nt", plus: residual });
      },
      backward(backend, { x, weight }, _out, dOut, gradients) {
        backend.matmul({ a: dOut, b: weight, out: gradients.x, transposition: "nn" });
        backend.matmul({ a: dOut, b: x, out: gradients.weight, transposition: "tn", plus: gradients.weight });
        backend.copy({ from: dOut, fromRow: 0, to: gradients.residual, toRow: 0, rows: 3 });
      },
    });
  });

  it("rope", async () => {
    const heads = { heads: 2, headSize: 4 };
    const angles = [0.3, 1.1, -0.7, 2.9];
    const table = Float32Array.from([
      ...angles.slice(0, 2).map(Math.cos),
      ...angles.slice(0, 2).map(Math.sin),
      ...angles.slice(2).map(Math.cos),
      ...angles.slice(2).map(Math.sin),
    ]);
    const rotation = (backend: Backend, x: DeviceBuffer) => {
      const angleTable = scratch(backend, 2, 4);
      backend.write(angleTable, table);
      return { x, ...heads, positions: column(backend, [1, 0]), table: angleTable };
    };
    await checkGradients({
      inputs: { x: { rows: 2, columns: 12 } },
      output: { rows: 2, columns: 12 },
      forward(backend, { x }, out) {
        backend.copy({ from: x, fromRow: 0, to: out, toRow: 0, rows: 2 });
        backend.rope(rotation(backend, out));
      },
      backward(backend, _inputs, _out, dOut, gradients) {
        backend.copy({ from: dOut, fromRow: 0, to: gradients.x, toRow: 0, rows: 2 });
        backend.ropeBackward(rotation(backend, gradients.x));
      },
    });
  });

  for (const starts of [undefined, [0, 0, 2, 2, 0, 1, 1, 3]]) {
    it(`attention with shared key/value heads${starts === undefined ? "" : " inside documents"}`, async () => {
      const shape = { sequences: 2, sequenceLength: 4, heads: 4, kvHeads: 2, headSize: 2 };
      let logSumExp: DeviceBuffer;
      const documents = (backend: Backend) =>
        starts === undefined ? {} : { documentStarts: column(backend, starts) };
      await checkGradients({
        inputs: { qkv: { rows: 8, columns: 16 } },
        output: { rows: 8, columns: 8 },
        forward(backend, { qkv }, out) {
          logSumExp = scratch(backend, 8, 4);
          backend.attention({ shape, qkv, out, logSumExp, ...documents(backend) });
        },
        backward(backend, { qkv }, out, dOut, gradients) {
          const rowSums = scratch(backend, 8, 4);
          const args = { shape, qkv, out, logSumExp, ...documents(backend) };
          backend.attentionBackward({ ...args, dOut, dQkv: gradients.qkv, rowSums });
        },
      });
    });
  }

  it("swiglu", async () => {
    await checkGradients({
      inputs: { gateUp: { rows: 3, columns: 8 } },
      output: { rows: 3, columns: 4 },
      forward: (backend, { gateUp }, out) => backend.swiglu({ gateUp, out }),
      backward: (backend, { gateUp }, _out, dOut, gradients) =>
        backend.swigluBackward({ gateUp, dOut, dGateUp: gradients.gateUp }),
    });
  });

  it("embedding", async () => {
    const ids = [2, 0, 2];
    await checkGradients({
      inputs: { weight: { rows: 4, columns: 3 } },
      output: { rows: 3, columns: 3 },
      forward: (backend, { weight }, out) => backend.embedding({ ids: column(backend, ids), weight, out }),
      backward: (backend, _inputs, _out, dOut, gradients) =>
        backend.embeddingBackward({ ids: column(backend, ids), dOut, dWeight: gradients.weight }),
    });
  });

  it("crossEntropy", async () => {
    const targets = [1, IGNORED_TARGET, 4];
    await checkGradients({
      inputs: { logits: { rows: 3, columns: 5 } },
      output: { rows: 1, columns: 3 },
      forward(backend, { logits }, out) {
        backend.zero(out);
        backend.crossEntropy({ logits, targets: column(backend, targets), sums: out });
      },
      async backward(backend, { logits }, out, dOut, gradients) {
        // The first of the sums is the loss; the others are counts, which small steps do not change.
        const [gradientScale = 0] = await backend.read(dOut);
        backend.copy({ from: logits, fromRow: 0, to: gradients.logits, toRow: 0, rows: 3 });
        const args = { logits: gradients.logits, targets: column(backend, targets), sums: out };
        backend.crossEntropy({ ...args, gradientScale });
      },
    });
  });
});
