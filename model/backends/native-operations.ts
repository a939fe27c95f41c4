import type {
  AdamWArguments,
  AttentionShape,
  Backend,
  DeviceBuffer,
  RopeArguments,
  Transposition,
} from "../backend.ts";
import { roundingSeed } from "../stochastic-rounding.ts";

/**
 * The operations as native code has them, of a processor and of a GPU alike: the device, then what the operation takes.
 * Shapes are checked on this side, contents on the native one.
 */
export interface NativeOperations<Device, Matrix> {
  free(buffer: Matrix): void;
  write(device: Device, buffer: Matrix, values: Float32Array | Int32Array): void;
  read(device: Device, buffer: Matrix, into: Float32Array): Promise<void>;
  zero(device: Device, buffer: Matrix): void;
  copy(device: Device, from: Matrix, fromRow: number, to: Matrix, toRow: number, rows: number): void;
  embedding(device: Device, ids: Matrix, weight: Matrix, out: Matrix): void;
  embeddingBackward(device: Device, ids: Matrix, dOut: Matrix, dWeight: Matrix): void;
  rmsNorm(device: Device, x: Matrix, gain: Matrix, epsilon: number, out: Matrix, scale: Matrix): void;
  rmsNormBackward(
    device: Device,
    x: Matrix,
    gain: Matrix,
    scale: Matrix,
    dOut: Matrix,
    dX: Matrix,
    dGain: Matrix,
  ): void;
  matmul(
    device: Device,
    transposition: Transposition,
    a: Matrix,
    b: Matrix,
    out: Matrix,
    plus: Matrix | undefined,
  ): void;
  rope(
    device: Device,
    x: Matrix,
    heads: number,
    headSize: number,
    positions: Matrix,
    table: Matrix,
    direction: 1 | -1,
  ): void;
  attention(
    device: Device,
    shape: AttentionShape,
    qkv: Matrix,
    documentStarts: Matrix | undefined,
    out: Matrix,
    logSumExp: Matrix,
  ): void;
  attentionBackward(
    device: Device,
    shape: AttentionShape,
    qkv: Matrix,
    documentStarts: Matrix | undefined,
    out: Matrix,
    logSumExp: Matrix,
    dOut: Matrix,
    dQkv: Matrix,
    rowSums: Matrix,
  ): void;
  cachedAttention(
    device: Device,
    shape: AttentionShape,
    capacity: number,
    positions: Matrix,
    qkv: Matrix,
    cache: Matrix,
    out: Matrix,
  ): void;
  swiglu(device: Device, gateUp: Matrix, out: Matrix): void;
  swigluBackward(device: Device, gateUp: Matrix, dOut: Matrix, dGateUp: Matrix): void;
  /** `gradientScale` 0 leaves the logits alone. */
  crossEntropy(device: Device, logits: Matrix, targets: Matrix, sums: Matrix, gradientScale: number): void;
  squaredNorm(device: Device, buffers: readonly Matrix[], out: Matrix): void;
  adamw(
    device: Device,
    weight: Matrix,
    master: Matrix | undefined,
    gradient: Matrix,
    firstMoment: Matrix,
    secondMoment: Matrix,
    squaredNorm: Matrix,
    step: Omit<AdamWArguments, "tensors" | "squaredNorm"> & { weightDecay: number; roundingSeed: number },
  ): void;
}

type Operation = keyof NativeOperations<never, never> | "ropeBackward";

/** The contract's operations on a native device. */
export function nativeOperations<Device, Matrix>(
  addon: NativeOperations<Device, Matrix>,
  device: Device,
  nativeOf: (buffer: DeviceBuffer) => Matrix,
): Pick<Backend, Operation> {
  const optionalNative = (buffer: DeviceBuffer | undefined) =>
    buffer === undefined ? undefined : nativeOf(buffer);

  return {
    free: (buffer) => addon.free(nativeOf(buffer)),
    write: (buffer, values) => addon.write(device, nativeOf(buffer), values),
    async read(buffer) {
      const values = new Float32Array(buffer.rows * buffer.columns);
      await addon.read(device, nativeOf(buffer), values);
      return values;
    },

    zero: (buffer) => addon.zero(device, nativeOf(buffer)),
    copy: ({ from, fromRow, to, toRow, rows }) =>
      addon.copy(device, nativeOf(from), fromRow, nativeOf(to), toRow, rows),

    embedding: ({ ids, weight, out }) =>
      addon.embedding(device, nativeOf(ids), nativeOf(weight), nativeOf(out)),
    embeddingBackward: ({ ids, dOut, dWeight }) =>
      addon.embeddingBackward(device, nativeOf(ids), nativeOf(dOut), nativeOf(dWeight)),

    rmsNorm: ({ x, gain, epsilon, out, scale }) =>
      addon.rmsNorm(device, nativeOf(x), nativeOf(gain), epsilon, nativeOf(out), nativeOf(scale)),
    rmsNormBackward: ({ x, gain, scale, dOut, dX, dGain }) =>
      addon.rmsNormBackward(
        device,
        nativeOf(x),
        nativeOf(gain),
        nativeOf(scale),
        nativeOf(dOut),
        nativeOf(dX),
        nativeOf(dGain),
      ),

    matmul: ({ transposition, a, b, out, plus }) =>
      addon.matmul(device, transposition, nativeOf(a), nativeOf(b), nativeOf(out), optionalNative(plus)),

    rope: (args) => rotate(args, 1),
    ropeBackward: (args) => rotate(args, -1),

    attention({ shape, qkv, documentStarts, out, logSumExp }) {
      const starts = optionalNative(documentStarts);
      addon.attention(device, shape, nativeOf(qkv), starts, nativeOf(out), nativeOf(logSumExp));
    },
    attentionBackward: ({ shape, qkv, documentStarts, out, logSumExp, dOut, dQkv, rowSums }) =>
      addon.attentionBackward(
        device,
        shape,
        nativeOf(qkv),
        optionalNative(documentStarts),
        nativeOf(out),
        nativeOf(logSumExp),
        nativeOf(dOut),
        nativeOf(dQkv),
        nativeOf(rowSums),
      ),
    cachedAttention({ shape, capacity, positions, qkv, cache, out }) {
      const [rows, keysAndValues] = [nativeOf(qkv), nativeOf(cache)];
      addon.cachedAttention(device, shape, capacity, nativeOf(positions), rows, keysAndValues, nativeOf(out));
    },

    swiglu: ({ gateUp, out }) => addon.swiglu(device, nativeOf(gateUp), nativeOf(out)),
    swigluBackward: ({ gateUp, dOut, dGateUp }) =>
      addon.swigluBackward(device, nativeOf(gateUp), nativeOf(dOut), nativeOf(dGateUp)),

    crossEntropy: ({ logits, targets, sums, gradientScale = 0 }) =>
      addon.crossEntropy(device, nativeOf(logits), nativeOf(targets), nativeOf(sums), gradientScale),

    squaredNorm: ({ buffers: parts, out }) => addon.squaredNorm(device, parts.map(nativeOf), nativeOf(out)),
    adamw({ tensors, squaredNorm, ...step }) {
      for (const [index, tensor] of tensors.entries()) {
        addon.adamw(
          device,
          nativeOf(tensor.weight),
          optionalNative(tensor.master),
          nativeOf(tensor.gradient),
          nativeOf(tensor.firstMoment),
          nativeOf(tensor.secondMoment),
          nativeOf(squaredNorm),
          { ...step, weightDecay: tensor.weightDecay, roundingSeed: roundingSeed(step.update, index) },
        );
      }
    },
  };

  function rotate({ x, heads, headSize, positions, table }: RopeArguments, direction: 1 | -1): void {
    addon.rope(device, nativeOf(x), heads, headSize, nativeOf(positions), nativeOf(table), direction);
  }
}
