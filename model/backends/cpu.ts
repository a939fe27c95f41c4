import { availableParallelism } from "node:os";
import type { Backend, BufferSpec, DeviceBuffer, DType } from "../backend.ts";
import { checked } from "./checked.ts";
import { type BasicBackend, completeBackend } from "./complete.ts";
import { type Addon, loadCpuAddon, type NativeBuffer } from "./cpu/addon.ts";
import { fusedOperations } from "./fused-operations.ts";
import { nativeOperations } from "./native-operations.ts";

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
  const found = loadCpuAddon();
  return "addon" in found ? undefined : found.reason;
}

/** Instruction sets in which the backend can run here, worst first; none where it was not built. */
export function cpuInstructionSets(): readonly string[] {
  const found = loadCpuAddon();
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
  const found = loadCpuAddon(options.variant);
  if (!("addon" in found)) throw new Error(found.reason);
  const { addon } = found;
  const threads = options.threads ?? availableParallelism();
  const instructionSet = options.instructionSet ?? addon.instructionSets().at(-1) ?? "plain";
  const device = addon.open(instructionSet, threads);
  /** Freed on close; a buffer that nobody holds any more may go before. */
  const buffers = new Set<WeakRef<CpuBuffer>>();

  const backend: BasicBackend = {
    ...nativeOperations(addon, device, nativeOf),
    name: "cpu",
    device: `${threads} processor thread${threads === 1 ? "" : "s"}, ${instructionSetNames[instructionSet] ?? instructionSet}`,
    computeTypes: ["f32", "bf16"],
    memoryBytes: process.availableMemory(),

    create(spec) {
      const buffer = new CpuBuffer(addon, spec);
      buffers.add(new WeakRef(buffer));
      return buffer;
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
  };
  return { ...completeBackend(checked(backend)), ...fusedOperations(addon, device, nativeOf) };
}
