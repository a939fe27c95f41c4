import { availableParallelism } from "node:os";
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
import { roundingSeed } from "../stochastic-rounding.ts";
import { completeBackend } from "./complete.ts";
import { type Addon, loadAddon, type NativeBuffer } from "./cpu/addon.ts";
import {
  expectAdamW,
  expectAlike,
  expectAttention,
  expectFloats,
  expectIntegers,
  expectProduct,
  expectShape,
} from "./cpu/shapes.ts";

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

  return completeBackend({
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
    write(buffer, values) {
      const elements = buffer.rows * buffer.columns;
      if (values.length !== elements)
        throw new Error(`${buffer.name}: ${elements} elements, ${values.length} written`);
      if (values instanceof Int32Array !== (buffer.dtype === "i32")) {
        throw new Error(`${buffer.name}: ${values.constructor.name} written to ${buffer.dtype}`);
      }
      addon.write(device, nativeOf(buffer), values);
    },
    async read(buffer) {
      expectFloats(buffer);
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
    copy({ from, fromRow, to, toRow, rows }) {
      expectFloats(from);
      expectFloats(to);
      const inside = fromRow >= 0 && toRow >= 0 && fromRow + rows <= from.rows && toRow + rows <= to.rows;
      if (!inside || from.columns !== to.columns) {
        throw new Error(`copy of ${rows} rows: outside ${from.name} or ${to.name}`);
      }
      addon.copy(device, nativeOf(from), fromRow, nativeOf(to), toRow, rows);
    },

    embedding({ ids, weight, out }) {
      expectIntegers(ids, out.rows);
      expectFloats(weight);
      expectShape(out, out.rows, weight.columns, weight.dtype);
      addon.embedding(device, nativeOf(ids), nativeOf(weight), nativeOf(out));
    },
    embeddingBackward({ ids, dOut, dWeight }) {
      expectIntegers(ids, dOut.rows);
      expectFloats(dOut);
      expectShape(dWeight, dWeight.rows, dOut.columns, "f32");
      addon.embeddingBackward(device, nativeOf(ids), nativeOf(dOut), nativeOf(dWeight));
    },

    rmsNorm({ x, gain, epsilon, out, scale }) {
      expectAlike(x, out);
      expectShape(gain, 1, x.columns, x.dtype);
      expectShape(scale, x.rows, 1, "f32");
      addon.rmsNorm(device, nativeOf(x), nativeOf(gain), epsilon, nativeOf(out), nativeOf(scale));
    },
    rmsNormBackward({ x, gain, scale, dOut, dX, dGain }) {
      expectAlike(x, dOut, dX);
      expectShape(gain, 1, x.columns, x.dtype);
      expectShape(scale, x.rows, 1, "f32");
      expectShape(dGain, 1, x.columns, "f32");
      const [forward, gradients] = [[x, gain, scale] as const, [dOut, dX, dGain] as const];
      addon.rmsNormBackward(
        device,
        nativeOf(forward[0]),
        nativeOf(forward[1]),
        nativeOf(forward[2]),
        nativeOf(gradients[0]),
        nativeOf(gradients[1]),
        nativeOf(gradients[2]),
      );
    },

    matmul(args: MatmulArguments) {
      expectProduct(args);
      const { transposition, a, b, out, plus } = args;
      const added = plus === undefined ? undefined : nativeOf(plus);
      addon.matmul(device, transposition, nativeOf(a), nativeOf(b), nativeOf(out), added);
    },

    rope: (args) => rotate(args, 1),
    ropeBackward: (args) => rotate(args, -1),

    attention(args) {
      const { shape, qkv, documentStarts, out, logSumExp } = checkedAttention(args);
      addon.attention(device, shape, qkv, documentStarts, out, logSumExp);
    },
    attentionBackward(args) {
      const { shape, qkv, documentStarts, out, logSumExp } = checkedAttention(args);
      const { dOut, dQkv, rowSums } = args;
      expectAlike(args.out, dOut);
      expectAlike(args.qkv, dQkv);
      expectShape(rowSums, args.logSumExp.rows, args.logSumExp.columns, "f32");
      const gradients = [nativeOf(dOut), nativeOf(dQkv), nativeOf(rowSums)] as const;
      addon.attentionBackward(device, shape, qkv, documentStarts, out, logSumExp, ...gradients);
    },
    cachedAttention({ shape, capacity, positions, qkv, cache, out }) {
      expectIntegers(positions, expectAttention(shape, qkv, out));
      const kvWidth = 2 * shape.kvHeads * shape.headSize;
      expectShape(cache, shape.sequences * capacity, kvWidth, qkv.dtype);
      const [rows, keysAndValues] = [nativeOf(qkv), nativeOf(cache)];
      addon.cachedAttention(device, shape, capacity, nativeOf(positions), rows, keysAndValues, nativeOf(out));
    },

    swiglu({ gateUp, out }) {
      expectFloats(out);
      expectShape(gateUp, out.rows, 2 * out.columns, out.dtype);
      addon.swiglu(device, nativeOf(gateUp), nativeOf(out));
    },
    swigluBackward({ gateUp, dOut, dGateUp }) {
      expectAlike(gateUp, dGateUp);
      expectShape(gateUp, dOut.rows, 2 * dOut.columns, dOut.dtype);
      addon.swigluBackward(device, nativeOf(gateUp), nativeOf(dOut), nativeOf(dGateUp));
    },

    crossEntropy({ logits, targets, sums, gradientScale = 0 }) {
      expectFloats(logits);
      expectIntegers(targets, logits.rows);
      expectShape(sums, 1, 3, "f32");
      addon.crossEntropy(device, nativeOf(logits), nativeOf(targets), nativeOf(sums), gradientScale);
    },

    squaredNorm({ buffers: parts, out }) {
      for (const part of parts) expectShape(part, part.rows, part.columns, "f32");
      expectShape(out, 1, 1, "f32");
      addon.squaredNorm(device, parts.map(nativeOf), nativeOf(out));
    },
    adamw({ tensors, squaredNorm, ...step }: AdamWArguments) {
      expectShape(squaredNorm, 1, 1, "f32");
      for (const [index, tensor] of tensors.entries()) {
        expectAdamW(tensor);
        const { weight, master, gradient, firstMoment, secondMoment, weightDecay } = tensor;
        addon.adamw(
          device,
          nativeOf(weight),
          master === undefined ? undefined : nativeOf(master),
          nativeOf(gradient),
          nativeOf(firstMoment),
          nativeOf(secondMoment),
          nativeOf(squaredNorm),
          { ...step, weightDecay, roundingSeed: roundingSeed(step.update, index) },
        );
      }
    },
  });

  function rotate({ x, heads, headSize, positions, table }: RopeArguments, direction: 1 | -1): void {
    expectFloats(x);
    expectIntegers(positions, x.rows);
    expectShape(table, table.rows, headSize, "f32");
    if (heads * headSize > x.columns || headSize % 2 !== 0) {
      throw new Error(`${x.name}: ${heads} heads of ${headSize} do not fit ${x.columns} columns`);
    }
    addon.rope(device, nativeOf(x), heads, headSize, nativeOf(positions), nativeOf(table), direction);
  }

  function checkedAttention({ shape, qkv, documentStarts, out, logSumExp }: AttentionArguments) {
    const tokens = expectAttention(shape, qkv, out);
    expectShape(logSumExp, tokens, shape.heads, "f32");
    if (documentStarts !== undefined) expectIntegers(documentStarts, tokens);
    return {
      shape,
      qkv: nativeOf(qkv),
      documentStarts: documentStarts === undefined ? undefined : nativeOf(documentStarts),
      out: nativeOf(out),
      logSumExp: nativeOf(logSumExp),
    };
  }
}
