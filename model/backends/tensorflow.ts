import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Backend, MatmulArguments, RopeArguments } from "../backend.ts";
import { fromBfloat16, toBfloat16 } from "../bfloat16.ts";
import { ModelInputError } from "../input-error.ts";
import { roundingSeed } from "../stochastic-rounding.ts";
import { checked } from "./checked.ts";
import { type BasicBackend, completeBackend } from "./complete.ts";
import { attention, attentionBackward, attentionBytes, cachedAttention } from "./tensorflow/attention.ts";
import {
  anyFloats,
  checkIndices,
  floats,
  IntegerBuffer,
  integers,
  newBuffer,
  optionalIntegers,
  own,
  TensorBuffer,
} from "./tensorflow/buffer.ts";
import { installedDevices, installHint, type TensorflowDevice } from "./tensorflow/devices.ts";
import { embedding, embeddingBackward } from "./tensorflow/embedding.ts";
import { rmsNorm, rmsNormBackward, rope, swiglu, swigluBackward } from "./tensorflow/layers.ts";
import { type LoadedLibrary, loadLibrary, type TensorFlow } from "./tensorflow/library.ts";
import { crossEntropy, lossBytes } from "./tensorflow/loss.ts";
import { adamwStep, sumOfSquares } from "./tensorflow/optimizer.ts";
import { WorkQueue } from "./work-queue.ts";

/**
 * Matrices of the size of its operands that an operation holds besides them, at most: AdamW's squared gradient, both
 * shares of a moment and their sum; the backward pass of SwiGLU needs as many.
 */
const matricesAtOnce = 4;

export interface TensorflowOptions {
  /** Where TensorFlow.js computes; by default the best that is installed. */
  readonly device?: TensorflowDevice;
  /** Largest matrix of attention scores, and of probabilities in the loss, that exists at once. */
  readonly blockBytes?: number;
}

/**
 * 256 query rows of 32 heads over 2048 keys, where all rows of a 1B model's layer would be 537 MB; large enough that a
 * GPU has something to do.
 */
const defaultBlockBytes = 64 * 2 ** 20;

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
  const backend = completeBackend(
    checked(basicBackend(await loadLibrary(device), options.blockBytes ?? defaultBlockBytes)),
  );
  return { ...backend, bufferBytes: ({ rows, columns }) => 4 * rows * columns };
}

function basicBackend(library: LoadedLibrary, blockBytes: number): BasicBackend {
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
      if (target instanceof IntegerBuffer) {
        const copy = Int32Array.from(values);
        enqueue(() => target.set(copy));
        return;
      }
      const copy = Float32Array.from(values);
      const exact = target.dtype === "f32" ? copy : fromBfloat16(toBfloat16(copy));
      enqueue(() => target.set(tf, tf.tensor1d(exact)));
    },
    // The plain JavaScript device hands out its own memory, hence the copy.
    read: (buffer) => queue.result(async () => (await anyFloats(buffer).tensor.data<"float32">()).slice()),
    // Counted on live tensors of a step at six shapes of tiny models, 2026-11: 34 to 100 % of this was needed.
    workspaceBytes(shape, { rows, columns }) {
      const largest = 4 * rows * columns;
      return Math.max(
        attentionBytes(shape, blockBytes),
        matricesAtOnce * largest,
        lossBytes(largest, blockBytes), // No more if the largest is not the logits.
      );
    },
    close: () =>
      queue
        .result(() => undefined)
        .finally(() => {
          for (const buffer of buffers) buffer.release();
          buffers.clear();
        }),

    zero: (buffer) => enqueue(() => clear(tf, anyFloats(buffer))),
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
        const result = attention(tf, shape, blockBytes, floats(qkv).tensor, optionalIntegers(documentStarts));
        floats(out).set(tf, result.out);
        floats(logSumExp).set(tf, result.logSumExp);
      }),
    attentionBackward: ({ shape, qkv, documentStarts, out, logSumExp, dOut, dQkv, rowSums }) =>
      enqueue(() => {
        const forward = {
          qkv: floats(qkv).tensor,
          documentStarts: optionalIntegers(documentStarts),
          out: floats(out).tensor,
          logSumExp: floats(logSumExp).tensor,
        };
        const result = attentionBackward(tf, shape, blockBytes, forward, floats(dOut).tensor);
        floats(dQkv).set(tf, result.dQkv);
        floats(rowSums).set(tf, result.rowSums);
      }),
    cachedAttention: ({ shape, capacity, positions, qkv, cache, out }) =>
      enqueue(() => {
        const [rows, keysAndValues] = [floats(qkv).tensor, floats(cache).tensor];
        const result = cachedAttention(
          tf,
          shape,
          blockBytes,
          capacity,
          integers(positions),
          rows,
          keysAndValues,
        );
        floats(cache).set(tf, result.cache);
        floats(out).set(tf, result.out);
      }),

    swiglu: ({ gateUp, out }) => enqueue(() => floats(out).set(tf, swiglu(tf, floats(gateUp).tensor))),
    swigluBackward: ({ gateUp, dOut, dGateUp }) =>
      enqueue(() => floats(dGateUp).set(tf, swigluBackward(tf, floats(gateUp).tensor, floats(dOut).tensor))),

    crossEntropy: ({ logits, targets, sums, gradientScale }) =>
      enqueue(() => {
        const result = crossEntropy(tf, floats(logits).tensor, integers(targets), gradientScale, blockBytes);
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
        for (const [
          index,
          { weight, gradient, firstMoment, secondMoment, weightDecay },
        ] of tensors.entries()) {
          if (Number.isFinite(norm)) {
            const parts = {
              weight: floats(weight),
              gradient: floats(gradient),
              firstMoment: anyFloats(firstMoment),
              secondMoment: anyFloats(secondMoment),
            };
            const seed = roundingSeed(step.update, index);
            adamwStep(tf, parts, { ...step, weightDecay, gradientScale, roundingSeed: seed });
          }
          clear(tf, floats(gradient));
        }
      }),
  };
}

/**
 * WebAssembly's fast product takes only operands as they lie: transposing them first is worth it. Measured 2026-11 on one
 * core of a busy AMD EPYC at 256×1024×64 to 512×512×512: 13 to 30 GFLOP/s so, 0.6 to 2.4 by the product's own flags.
 */
function multiply(tf: TensorFlow, { a, b, out, transposition, plus }: MatmulArguments): void {
  const [left, right] = [floats(a).tensor, floats(b).tensor];
  const [flipLeft, flipRight] = [transposition === "tn", transposition === "nt"];
  const product: Tensor2D =
    tf.getBackend() === "wasm"
      ? tf.matMul(flipLeft ? tf.transpose(left) : left, flipRight ? tf.transpose(right) : right)
      : tf.matMul(left, right, flipLeft, flipRight);
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

function describe({ tf, device, native }: LoadedLibrary): string {
  const version = `TensorFlow.js ${tf.version_core}`;
  if (native !== undefined) {
    return `${version} over libtensorflow ${native.version} on ${native.usesGpu ? "a GPU" : "processors"}, float32`;
  }
  return `${version} in ${device === "wasm" ? "WebAssembly" : "plain JavaScript"}, one core, float32`;
}
