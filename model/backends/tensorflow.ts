import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Backend, BufferSpec, DeviceBuffer, MatmulArguments, RopeArguments } from "../backend.ts";
import { ModelInputError } from "../input-error.ts";
import { checked } from "./checked.ts";
import { attention, attentionBackward, attentionBytes, cachedAttention } from "./tensorflow/attention.ts";
import { checkIndices, IntegerBuffer, TensorBuffer } from "./tensorflow/buffer.ts";
import { embedding, embeddingBackward } from "./tensorflow/embedding.ts";
import { rmsNorm, rmsNormBackward, rope, swiglu, swigluBackward } from "./tensorflow/layers.ts";
import {
  installedDevices,
  installHint,
  type LoadedLibrary,
  loadLibrary,
  type TensorFlow,
  type TensorflowDevice,
} from "./tensorflow/library.ts";
import { crossEntropy } from "./tensorflow/loss.ts";
import { adamwStep, sumOfSquares } from "./tensorflow/optimizer.ts";
import { WorkQueue } from "./work-queue.ts";

export interface TensorflowOptions {
  /** Where TensorFlow.js computes; by default the best that is installed. */
  readonly device?: TensorflowDevice;
}

/** Why the backend cannot run here; undefined if it can. Loads nothing. */
export function tensorflowUnavailable(): string | undefined {
  return installedDevices().length === 0 ? installHint : undefined;
}

/**
 * Whether the backend would compute on a GPU. Loads TensorFlow.js if it is installed for one.
 *
 * @throws ModelInputError if it is installed and cannot be loaded
 */
export async function tensorflowUsesGpu(): Promise<boolean> {
  if (installedDevices()[0] !== "node-gpu") return false;
  const { native } = await loadLibrary("node-gpu");
  return native?.usesGpu === true;
}

/**
 * TensorFlow.js in float32, on whatever device of it is installed, from plain JavaScript to a GPU. Matrices are tensors,
 * which cannot be changed: each operation makes new ones and gives the old ones back.
 *
 * @throws ModelInputError if the device is not installed or cannot be loaded
 */
export async function createTensorflowBackend(options: TensorflowOptions = {}): Promise<Backend> {
  const device = options.device ?? installedDevices()[0];
  if (device === undefined) throw new ModelInputError(installHint);
  return checked(backendOf(await loadLibrary(device)));
}

function backendOf(library: LoadedLibrary): Backend {
  const { tf, memoryBytes } = library;
  const queue = new WorkQueue();
  const buffers = new Set<TensorBuffer | IntegerBuffer>();
  /** What an operation leaves in no buffer is given back when it ends. */
  const enqueue = (work: () => void) => queue.enqueue(() => tf.tidy(work));

  return {
    name: "tensorflow",
    device: describe(library),
    computeTypes: ["f32"],
    memoryBytes,

    create(spec) {
      const buffer = newBuffer(spec);
      buffers.add(buffer);
      if (buffer instanceof TensorBuffer) enqueue(() => clear(tf, buffer));
      return buffer;
    },
    free(buffer) {
      const freed = own(buffer);
      buffers.delete(freed);
      enqueue(() => freed.release());
    },
    write(buffer, values) {
      const target = own(buffer);
      const copy = values.slice();
      enqueue(() => {
        if (target instanceof IntegerBuffer) target.values = Int32Array.from(copy);
        else target.set(tf, tf.tensor2d(Float32Array.from(copy), [target.rows, target.columns]));
      });
    },
    // The plain JavaScript device hands out its own memory.
    read: (buffer) =>
      queue.result(() =>
        floats(buffer)
          .tensor.data<"float32">()
          .then((values) => values.slice()),
      ),
    workspaceBytes: attentionBytes,
    close: () =>
      queue
        .result(() => undefined)
        .finally(() => {
          for (const buffer of buffers) buffer.release();
          buffers.clear();
        }),

    zero: (buffer) => enqueue(() => clear(tf, floats(buffer))),
    copy: ({ from, fromRow, to, toRow, rows }) =>
      enqueue(() => {
        const source = floats(from).tensor;
        const target = floats(to);
        const parts = [
          ...rowsOf(tf, target.tensor, 0, toRow),
          ...rowsOf(tf, source, fromRow, fromRow + rows),
          ...rowsOf(tf, target.tensor, toRow + rows, to.rows),
        ];
        target.set(tf, tf.concat(parts, 0));
      }),

    embedding: ({ ids, weight, out }) =>
      enqueue(() => floats(out).set(tf, embedding(tf, integers(ids), floats(weight).tensor))),
    embeddingBackward: ({ ids, dOut, dWeight }) =>
      enqueue(() => {
        const sum = embeddingBackward(tf, integers(ids), floats(dOut).tensor, floats(dWeight).tensor);
        floats(dWeight).set(tf, sum);
      }),

    rmsNorm: ({ x, gain, epsilon, out, scale }) =>
      enqueue(() => {
        const result = rmsNorm(tf, floats(x).tensor, floats(gain).tensor, epsilon);
        floats(out).set(tf, result.out);
        floats(scale).set(tf, result.scale);
      }),
    rmsNormBackward: ({ x, gain, scale, dOut, dX, dGain }) =>
      enqueue(() => {
        const forward = { x: floats(x).tensor, gain: floats(gain).tensor, scale: floats(scale).tensor };
        const gradients = { dOut: floats(dOut).tensor, dX: floats(dX).tensor, dGain: floats(dGain).tensor };
        const result = rmsNormBackward(tf, forward, gradients);
        floats(dX).set(tf, result.dX);
        floats(dGain).set(tf, result.dGain);
      }),

    matmul: (args) => enqueue(() => multiply(tf, args)),

    rope: (args) => enqueue(() => rotate(tf, args, 1)),
    ropeBackward: (args) => enqueue(() => rotate(tf, args, -1)),

    attention: ({ shape, qkv, documentStarts, out, logSumExp }) =>
      enqueue(() => {
        const result = attention(tf, shape, floats(qkv).tensor, optional(documentStarts));
        floats(out).set(tf, result.out);
        floats(logSumExp).set(tf, result.logSumExp);
      }),
    attentionBackward: ({ shape, qkv, documentStarts, out, logSumExp, dOut, dQkv, rowSums }) =>
      enqueue(() => {
        const forward = {
          qkv: floats(qkv).tensor,
          documentStarts: optional(documentStarts),
          out: floats(out).tensor,
          logSumExp: floats(logSumExp).tensor,
        };
        const result = attentionBackward(tf, shape, forward, floats(dOut).tensor);
        floats(dQkv).set(tf, result.dQkv);
        floats(rowSums).set(tf, result.rowSums);
      }),
    cachedAttention: ({ shape, capacity, positions, qkv, cache, out }) =>
      enqueue(() => {
        const [rows, keysAndValues] = [floats(qkv).tensor, floats(cache).tensor];
        const result = cachedAttention(tf, shape, capacity, integers(positions), rows, keysAndValues);
        floats(cache).set(tf, result.cache);
        floats(out).set(tf, result.out);
      }),

    swiglu: ({ gateUp, out }) => enqueue(() => floats(out).set(tf, swiglu(tf, floats(gateUp).tensor))),
    swigluBackward: ({ gateUp, dOut, dGateUp }) =>
      enqueue(() => floats(dGateUp).set(tf, swigluBackward(tf, floats(gateUp).tensor, floats(dOut).tensor))),

    crossEntropy: ({ logits, targets, sums, gradientScale }) =>
      enqueue(() => {
        const result = crossEntropy(tf, floats(logits).tensor, integers(targets), gradientScale);
        floats(sums).set(tf, tf.add(floats(sums).tensor, result.sums));
        if (gradientScale === undefined) return;
        floats(logits).release(); // Logits are among the largest matrices: not both at once.
        floats(logits).set(tf, tf.concat([...result.gradients], 0));
      }),

    squaredNorm: ({ buffers: parts, out }) =>
      enqueue(() => floats(out).set(tf, tf.addN(parts.map((part) => sumOfSquares(tf, floats(part).tensor))))),
    adamw: ({ tensors, squaredNorm, maxNorm, ...step }) =>
      enqueue(() => {
        const norm = Math.sqrt(floats(squaredNorm).tensor.dataSync<"float32">()[0]!);
        const gradientScale = Math.min(1, maxNorm / (norm + 1e-6));
        for (const { weight, gradient, firstMoment, secondMoment, weightDecay } of tensors) {
          if (Number.isFinite(norm)) {
            const parts = {
              weight: floats(weight),
              gradient: floats(gradient),
              firstMoment: floats(firstMoment),
              secondMoment: floats(secondMoment),
            };
            adamwStep(tf, parts, { ...step, weightDecay, gradientScale });
          }
          clear(tf, floats(gradient));
        }
      }),
  };
}

function multiply(tf: TensorFlow, { a, b, out, transposition, plus }: MatmulArguments): void {
  const [left, right] = [floats(a).tensor, floats(b).tensor];
  const product: Tensor2D = tf.matMul(left, right, transposition === "tn", transposition === "nt");
  floats(out).set(tf, plus === undefined ? product : tf.add(product, floats(plus).tensor));
}

function rotate(
  tf: TensorFlow,
  { x, heads, headSize, positions, table }: RopeArguments,
  direction: 1 | -1,
): void {
  const at = integers(positions);
  checkIndices("position", at, table.rows);
  const angles = tf.gather(floats(table).tensor, tf.tensor1d(at, "int32"));
  floats(x).set(tf, rope(tf, floats(x).tensor, heads, headSize, angles, direction));
}

const clear = (tf: TensorFlow, buffer: TensorBuffer): void =>
  buffer.set(tf, tf.fill([buffer.rows, buffer.columns], 0));

/** Rows `from` up to `to`, as one part; no part if there are none. */
const rowsOf = (tf: TensorFlow, tensor: Tensor2D, from: number, to: number): Tensor2D[] =>
  from < to ? [tf.slice(tensor, [from, 0], [to - from, tensor.shape[1]])] : [];

function newBuffer(spec: BufferSpec): TensorBuffer | IntegerBuffer {
  if (spec.dtype === "i32") return new IntegerBuffer(spec);
  if (spec.dtype === "f32") return new TensorBuffer(spec);
  throw new Error(`${spec.name}: the tensorflow backend computes in f32 only`);
}

function own(buffer: DeviceBuffer): TensorBuffer | IntegerBuffer {
  if (buffer instanceof TensorBuffer || buffer instanceof IntegerBuffer) return buffer;
  throw new Error(`${buffer.name}: a buffer of another backend`);
}

function floats(buffer: DeviceBuffer): TensorBuffer {
  if (buffer instanceof TensorBuffer) return buffer;
  throw new Error(`${buffer.name}: expected f32 of this backend`);
}

function integers(buffer: DeviceBuffer): Int32Array {
  if (!(buffer instanceof IntegerBuffer)) throw new Error(`${buffer.name}: expected i32 of this backend`);
  if (buffer.values === undefined) throw new Error(`${buffer.name}: freed`);
  return buffer.values;
}

const optional = (buffer: DeviceBuffer | undefined): Int32Array | undefined =>
  buffer === undefined ? undefined : integers(buffer);

function describe({ tf, device, native }: LoadedLibrary): string {
  const version = `TensorFlow.js ${tf.version_core}`;
  if (native !== undefined) {
    return `${version} over libtensorflow ${native.version} on ${native.usesGpu ? "a GPU" : "processors"}, float32`;
  }
  return `${version} in ${device === "wasm" ? "WebAssembly" : "plain JavaScript"}, one core, float32`;
}
