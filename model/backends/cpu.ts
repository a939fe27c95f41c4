import { availableParallelism } from "node:os";
import type { Backend, BufferSpec, DeviceBuffer, DType, RopeArguments } from "../backend.ts";
import { roundingSeed } from "../stochastic-rounding.ts";
import { checked } from "./checked.ts";
import { type BasicBackend, completeBackend } from "./complete.ts";
import { type Addon, loadAddon, type NativeBuffer } from "./cpu/addon.ts";

export interface CpuOptions {
  /** Threads that compute; by default one for each processor. The results are the same for any number. */
  readonly threads?: number;
  /** One of `cpuInstructionSets`; by default the best. */
  readonly instructionSet?: string;
  /** `sanitize` takes the build of `npm run check:sanitize`. */
  readonly variant?: "" | "sanitize";
}

class CpuBuffer implements DeviceBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
  readonly native: NativeBuffer;

  constructor(addon: Addon, { name, dtype, rows, columns }: BufferSpec) {
    this.name = name;
    this.dtype = dtype;
    this.rows = rows;
    this.columns = columns;
    this.native = addon.create(dtype, rows, columns);
  }
}

const nativeOf = (buffer: DeviceBuffer): NativeBuffer => {
  if (buffer instanceof CpuBuffer) return buffer.native;
  throw new Error(`${buffer.name}: a buffer of another backend`);
};

const optional = (buffer: DeviceBuffer | undefined): NativeBuffer | undefined =>
  buffer === undefined ? undefined : nativeOf(buffer);

/** Rounds of the measurement below, and floating-point operations of each, in 10⁹: a few milliseconds, which also a busy machine has undisturbed. */
const PEAK_ROUNDS = 60;
const PEAK_BILLIONS = 1;

/**
 * The most floating-point operations a second that the processor's multiply-add units do on so many threads: the best of
 * several rounds of multiplying registers, without memory, packing or waiting. No product of matrices can be faster.
 */
export async function measurePeak(threads: number, dtype: DType): Promise<number> {
  const found = loadAddon();
  if (!("addon" in found)) throw new Error(found.reason);
  const { addon } = found;
  const device = addon.open(addon.instructionSets().at(-1) ?? "plain", threads);
  const out = addon.create("f32", 1, 1);
  let best = 0;
  try {
    for (let round = 0; round < PEAK_ROUNDS; round++) {
      const billions = new Float32Array(1);
      const started = performance.now();
      addon.peakProducts(device, dtype, PEAK_BILLIONS, out);
      await addon.read(device, out, billions);
      best = Math.max(best, ((billions[0] ?? 0) * 1e12) / (performance.now() - started));
    }
  } finally {
    addon.shutdown(device);
    addon.free(out);
  }
  return best;
}

/** Why the backend cannot run here; undefined if it can. */
export function cpuUnavailable(): string | undefined {
  const found = loadAddon();
  return "addon" in found ? undefined : found.reason;
}

/** Instruction sets in which the backend can run here, worst first; none where it was not built. */
export function cpuInstructionSets(): readonly string[] {
  const found = loadAddon();
  return "addon" in found ? found.addon.instructionSets() : [];
}

const instructionSetNames: Readonly<Record<string, string>> = {
  plain: "plain C++",
  avx2: "AVX2",
  avx512: "AVX-512",
  avx512bf16: "AVX-512 with bf16",
};

/**
 * All processors of this machine through C++ (model/native/), in float32 or bf16. Work runs on threads of its own, so the
 * event loop stays free.
 *
 * @throws Error if the native part was not built
 */
export function createCpuBackend(options: CpuOptions = {}): Backend {
  const found = loadAddon(options.variant);
  if (!("addon" in found)) throw new Error(found.reason);
  const { addon } = found;
  const threads = options.threads ?? availableParallelism();
  const instructionSet = options.instructionSet ?? addon.instructionSets().at(-1) ?? "plain";
  const device = addon.open(instructionSet, threads);
  /** Freed on close; a buffer that nobody holds any more may go before. */
  const buffers = new Set<WeakRef<CpuBuffer>>();

  const backend: BasicBackend = {
    name: "cpu",
    device: `${threads} processor thread${threads === 1 ? "" : "s"}, ${instructionSetNames[instructionSet] ?? instructionSet}`,
    computeTypes: ["f32", "bf16"],
    memoryBytes: process.availableMemory(),

    create(spec) {
      const buffer = new CpuBuffer(addon, spec);
      buffers.add(new WeakRef(buffer));
      return buffer;
    },
    free: (buffer) => addon.free(nativeOf(buffer)),
    write: (buffer, values) => addon.write(device, nativeOf(buffer), values),
    async read(buffer) {
      const values = new Float32Array(buffer.rows * buffer.columns);
      await addon.read(device, nativeOf(buffer), values);
      return values;
    },
    workspaceBytes: (shape) => addon.workspaceBytes(device, shape),
    async close() {
      try {
        await addon.finish(device);
      } finally {
        addon.shutdown(device);
        for (const reference of buffers) {
          const buffer = reference.deref();
          if (buffer !== undefined) addon.free(buffer.native);
        }
        buffers.clear();
      }
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
      addon.matmul(device, transposition, nativeOf(a), nativeOf(b), nativeOf(out), optional(plus)),

    rope: (args) => rotate(args, 1),
    ropeBackward: (args) => rotate(args, -1),

    attention({ shape, qkv, documentStarts, out, logSumExp }) {
      const starts = optional(documentStarts);
      addon.attention(device, shape, nativeOf(qkv), starts, nativeOf(out), nativeOf(logSumExp));
    },
    attentionBackward: ({ shape, qkv, documentStarts, out, logSumExp, dOut, dQkv, rowSums }) =>
      addon.attentionBackward(
        device,
        shape,
        nativeOf(qkv),
        optional(documentStarts),
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
          optional(tensor.master),
          nativeOf(tensor.gradient),
          nativeOf(tensor.firstMoment),
          nativeOf(tensor.secondMoment),
          nativeOf(squaredNorm),
          { ...step, weightDecay: tensor.weightDecay, roundingSeed: roundingSeed(step.update, index) },
        );
      }
    },
  };
  return completeBackend(checked(backend));

  function rotate({ x, heads, headSize, positions, table }: RopeArguments, direction: 1 | -1): void {
    addon.rope(device, nativeOf(x), heads, headSize, nativeOf(positions), nativeOf(table), direction);
  }
}
