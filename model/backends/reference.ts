import type {
  AdamWArguments,
  AttentionArguments,
  Backend,
  BufferSpec,
  DeviceBuffer,
  DType,
  MatmulArguments,
  RopeArguments,
} from "../backend.ts";
import { fromBfloat16, toBfloat16 } from "../bfloat16.ts";
import { roundingSeed } from "../stochastic-rounding.ts";
import { completeBackend } from "./complete.ts";
import { attention, attentionBackward, cachedAttention } from "./reference/attention.ts";
import {
  embedding,
  embeddingBackward,
  rmsNorm,
  rmsNormBackward,
  rope,
  swiglu,
  swigluBackward,
} from "./reference/layers.ts";
import { crossEntropy } from "./reference/loss.ts";
import { createMatmul, type Matrix } from "./reference/matmul.ts";
import { adamwStep, type Moments, sumOfSquares } from "./reference/optimizer.ts";
import { WorkQueue } from "./work-queue.ts";

type Floats = Float32Array<ArrayBuffer>;
type Integers = Int32Array<ArrayBuffer>;
/** bf16 bits; only moments are kept in them. */
type Bits = Uint16Array<ArrayBuffer>;

const arrays = { f32: Float32Array, bf16: Uint16Array, i32: Int32Array } as const;

class ReferenceBuffer implements DeviceBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
  readonly data: Floats | Integers | Bits;

  constructor({ name, dtype, rows, columns }: BufferSpec) {
    this.name = name;
    this.dtype = dtype;
    this.rows = rows;
    this.columns = columns;
    this.data = new arrays[dtype](rows * columns);
  }
}

/**
 * Plain TypeScript loops over float32, sums in float64: what every other backend is measured against, and what runs
 * when nothing was compiled.
 */
export function createReferenceBackend(): Backend {
  const queue = new WorkQueue();
  const multiply = createMatmul();
  const enqueue = (work: () => void) => queue.enqueue(work);

  return completeBackend({
    name: "reference",
    device: "one CPU core, plain TypeScript, float32",
    computeTypes: ["f32"],
    memoryBytes: process.availableMemory(),

    create: (spec) => new ReferenceBuffer(spec),
    free() {}, // The garbage collector does.
    write(buffer, values) {
      const target = own(buffer);
      if (values.length !== target.data.length) {
        throw new Error(`${target.name}: ${target.data.length} elements, ${values.length} written`);
      }
      const isBits = target.data instanceof Uint16Array;
      const copy = isBits ? toBfloat16(Float32Array.from(values)) : values.slice();
      enqueue(() => target.data.set(copy));
    },
    read: (buffer) =>
      queue.result(() => {
        const { data } = own(buffer);
        return data instanceof Uint16Array ? fromBfloat16(data) : floats(buffer).slice();
      }),
    workspaceBytes: ({ sequenceLength, headSize }) => 8 * (2 * sequenceLength * headSize + sequenceLength),
    close: () => queue.result(() => undefined),

    zero: (buffer) => enqueue(() => own(buffer).data.fill(0)),
    copy: ({ from, fromRow, to, toRow, rows }) =>
      enqueue(() => {
        const source = floats(from).subarray(fromRow * from.columns, (fromRow + rows) * from.columns);
        floats(to).set(source, toRow * to.columns);
      }),

    embedding: ({ ids, weight, out }) =>
      enqueue(() => embedding(integers(ids), floats(weight), floats(out), weight.columns)),
    embeddingBackward: ({ ids, dOut, dWeight }) =>
      enqueue(() => embeddingBackward(integers(ids), floats(dOut), floats(dWeight), dWeight.columns)),

    rmsNorm: ({ x, gain, epsilon, out, scale }) =>
      enqueue(() => rmsNorm(floats(x), floats(gain), epsilon, floats(out), floats(scale))),
    rmsNormBackward: ({ x, gain, scale, dOut, dX, dGain }) =>
      enqueue(() =>
        rmsNormBackward(floats(x), floats(gain), floats(scale), floats(dOut), floats(dX), floats(dGain)),
      ),

    matmul: ({ transposition, a, b, out, plus }: MatmulArguments) => {
      checkProduct({ transposition, a, b, out });
      enqueue(() =>
        multiply(
          transposition,
          matrix(a),
          matrix(b),
          matrix(out),
          plus === undefined ? undefined : floats(plus),
        ),
      );
    },

    rope: (args) => enqueue(() => rotate(args, 1)),
    ropeBackward: (args) => enqueue(() => rotate(args, -1)),

    attention: (args) => enqueue(() => attention(attentionData(args))),
    attentionBackward: (args) =>
      enqueue(() =>
        attentionBackward({
          ...attentionData(args),
          dOut: floats(args.dOut),
          dQkv: floats(args.dQkv),
          rowSums: floats(args.rowSums),
        }),
      ),
    cachedAttention: ({ shape, capacity, positions, qkv, cache, out }) =>
      enqueue(() =>
        cachedAttention({
          shape,
          capacity,
          positions: integers(positions),
          qkv: floats(qkv),
          cache: floats(cache),
          out: floats(out),
        }),
      ),

    swiglu: ({ gateUp, out }) => enqueue(() => swiglu(floats(gateUp), floats(out), out.columns)),
    swigluBackward: ({ gateUp, dOut, dGateUp }) =>
      enqueue(() => swigluBackward(floats(gateUp), floats(dOut), floats(dGateUp), dOut.columns)),

    crossEntropy: ({ logits, targets, sums, gradientScale }) =>
      enqueue(() => crossEntropy(floats(logits), integers(targets), floats(sums), gradientScale)),

    squaredNorm: ({ buffers, out }) =>
      enqueue(() => {
        floats(out)[0] = buffers.reduce((sum, buffer) => sum + sumOfSquares(floats(buffer)), 0);
      }),
    adamw: (args) => enqueue(() => updateTensors(args)),
  });
}

function updateTensors({ tensors, squaredNorm, maxNorm, ...step }: AdamWArguments): void {
  const norm = Math.sqrt(floats(squaredNorm)[0]!);
  for (const [index, tensor] of tensors.entries()) {
    if (Number.isFinite(norm)) {
      adamwStep(
        floats(tensor.weight),
        floats(tensor.gradient),
        moments(tensor.firstMoment),
        moments(tensor.secondMoment),
        {
          ...step,
          weightDecay: tensor.weightDecay,
          roundingSeed: roundingSeed(step.update, index),
          gradientScale: Math.min(1, maxNorm / (norm + 1e-6)),
        },
      );
    }
    floats(tensor.gradient).fill(0);
  }
}

function rotate({ x, heads, headSize, positions, table }: RopeArguments, direction: 1 | -1): void {
  rope(floats(x), x.columns, heads, headSize, integers(positions), floats(table), direction);
}

function attentionData({ shape, qkv, documentStarts, out, logSumExp }: AttentionArguments) {
  return {
    shape,
    qkv: floats(qkv),
    documentStarts: documentStarts === undefined ? undefined : integers(documentStarts),
    out: floats(out),
    logSumExp: floats(logSumExp),
  };
}

/** A wrong shape here is a bug of the caller; loops over typed arrays would silently read `undefined` as NaN. */
function checkProduct({ transposition, a, b, out }: MatmulArguments): void {
  const [rows, innerA] = transposition === "tn" ? [a.columns, a.rows] : [a.rows, a.columns];
  const [innerB, columns] = transposition === "nt" ? [b.columns, b.rows] : [b.rows, b.columns];
  if (innerA === innerB && out.rows === rows && out.columns === columns) return;
  const shape = (buffer: DeviceBuffer) => `${buffer.name} [${buffer.rows}, ${buffer.columns}]`;
  throw new Error(`matmul ${transposition}: ${shape(a)} and ${shape(b)} do not give ${shape(out)}`);
}

function own(buffer: DeviceBuffer): ReferenceBuffer {
  if (buffer instanceof ReferenceBuffer) return buffer;
  throw new Error(`${buffer.name}: a buffer of another backend`);
}

function floats(buffer: DeviceBuffer): Floats {
  const { data, name } = own(buffer);
  if (data instanceof Float32Array) return data;
  throw new Error(`${name}: expected f32, found ${buffer.dtype}`);
}

function moments(buffer: DeviceBuffer): Moments {
  const { data } = own(buffer);
  return data instanceof Uint16Array ? data : floats(buffer);
}

function integers(buffer: DeviceBuffer): Integers {
  const { data, name } = own(buffer);
  if (data instanceof Int32Array) return data;
  throw new Error(`${name}: expected i32, found ${buffer.dtype}`);
}

const matrix = (buffer: DeviceBuffer): Matrix => ({
  data: floats(buffer),
  rows: buffer.rows,
  columns: buffer.columns,
});
