import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Backend, BufferSpec, DeviceBuffer, DType } from "../backend.ts";
import { ModelInputError } from "../input-error.ts";
import { checked } from "./checked.ts";
import { loadCpuAddon } from "./cpu/addon.ts";
import type { CudaAddon, CudaDeviceFacts, CudaMatrix } from "./cuda/addon.ts";
import { chooseTarget, imagesOf, readKernelFile } from "./cuda/kernel-images.ts";
import { cudaBufferBytes, cudaWorkspaceBytes } from "./cuda/layout.ts";
import { createRecorder } from "./cuda/recorder.ts";
import { fusedOperations } from "./fused-operations.ts";
import { nativeOperations } from "./native-operations.ts";

export interface CudaOptions {
  /** The driver library; NVIDIA's by default, the emulator's in tests. */
  readonly library?: string;
  /** Which device, by the driver's order. */
  readonly index?: number;
  /** Modules to use instead of the shipped kernels. */
  readonly kernels?: readonly Uint8Array[];
  /** cuBLASLt: a path, or `none`; by default the installed one, beside NVIDIA's driver. */
  readonly cublasLt?: string;
  /** Where measured choices between our products and cuBLASLt's are kept; by default the user's cache folder. */
  readonly cacheFolder?: string;
}

export interface CudaBackend extends Backend {
  /** Memory allocated on the device now, after all earlier work. */
  allocatedBytes(): Promise<number>;
}

const driverLibrary = "libcuda.so.1";

/** The first driver version that takes machine code made by CUDA 12. */
const oldestDriver = 12_000;

const version = (number: number): string =>
  `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;

interface Usable {
  readonly addon: CudaAddon;
  readonly device: CudaDeviceFacts;
  readonly driverVersion: number;
  readonly kernels: readonly Uint8Array[];
}

type Found = Usable | { readonly reason: string };

/** Whether a device can be used, without opening it. */
function find({ library = driverLibrary, index = 0, kernels }: CudaOptions): Found {
  const loaded = loadCpuAddon();
  if (!("addon" in loaded)) return loaded;
  const addon = loaded.addon.cuda;
  try {
    const { driverVersion, devices } = addon.probe(library);
    const device = devices[index];
    if (device === undefined) return { reason: "the NVIDIA driver finds no GPU" };
    if (device.capabilityMajor < 8) return { reason: tooOld(device) };
    if (kernels !== undefined) return { addon, device, driverVersion, kernels };
    const found = findKernels(device, driverVersion);
    return "reason" in found ? found : { addon, device, driverVersion, ...found };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

const tooOld = ({ name, capabilityMajor, capabilityMinor }: CudaDeviceFacts): string =>
  `${name} has compute capability ${capabilityMajor}.${capabilityMinor}; bf16 tensor cores need 8.0 (Ampere: RTX 30, A100, and later)`;

/** The shipped kernels for a device, if its driver takes them. */
function findKernels(
  device: CudaDeviceFacts,
  driver: number,
): { kernels: Uint8Array[] } | { reason: string } {
  const file = readKernelFile();
  if (file === undefined) return { reason: "its kernels were not built: run npm run build:cuda" };
  const target = chooseTarget(file.header, device);
  if (target === undefined) return { reason: `there are no kernels for ${device.name}` };
  const needed = target.startsWith("sm_") ? oldestDriver : file.header.cudaVersion;
  if (driver >= needed) return { kernels: imagesOf(file, target) };
  return {
    reason: `the NVIDIA driver supports CUDA ${version(driver)}, the kernels for ${device.name} need ${version(needed)}: install a newer driver`,
  };
}

/** Why the backend cannot run here; undefined if it can. */
export function cudaUnavailable(options: CudaOptions = {}): string | undefined {
  const found = find(options);
  return "reason" in found ? found.reason : undefined;
}

/** The start of a file name for one card with one driver; empty where no file can be kept. */
function choicesFile({ cacheFolder }: CudaOptions, { device, driverVersion }: Usable): string {
  const folder = cacheFolder ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "apt3");
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    return ""; // Measured again by every process then.
  }
  return join(folder, `products-${device.name.replace(/[^\w.-]+/g, "-")}-driver-${driverVersion}`);
}

class CudaBuffer implements DeviceBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
  readonly native: CudaMatrix;

  constructor({ name, dtype, rows, columns }: BufferSpec, native: CudaMatrix) {
    this.name = name;
    this.dtype = dtype;
    this.rows = rows;
    this.columns = columns;
    this.native = native;
  }
}

const nativeOf = (buffer: DeviceBuffer): CudaMatrix => {
  if (buffer instanceof CudaBuffer) return buffer.native;
  throw new Error(`${buffer.name}: a buffer of another backend`);
};

/**
 * An NVIDIA GPU of compute capability 8.0 or later, through its driver alone: kernels of our own (model/native/cuda), in
 * bf16, or in float32 for checks. Calls are enqueued by a thread of their own, so the event loop stays free.
 *
 * @throws ModelInputError if there is no such device, or it cannot be opened
 */
export async function createCudaBackend(options: CudaOptions = {}): Promise<CudaBackend> {
  const found = find(options);
  if ("reason" in found) throw new ModelInputError(`the cuda backend cannot run here: ${found.reason}`);
  const { addon, device: facts } = found;
  const { library = driverLibrary, index = 0 } = options;
  const { cublasLt = library === driverLibrary ? "" : "none" } = options;
  const device = addon.open(library, index, found.kernels, cublasLt, choicesFile(options, found));
  const opened = new Float64Array(3);
  try {
    await addon.finish(device, opened);
  } catch (error) {
    addon.shutdown(device);
    throw new ModelInputError(`${facts.name}: ${error instanceof Error ? error.message : error}`);
  }
  const recorder = createRecorder({
    begin: () => addon.beginRecording(device),
    end: () => addon.endRecording(device),
    replay: () => addon.replay(device),
  });

  const native = nativeOperations(addon, device, nativeOf);
  const operations = checked({
    ...native,
    name: "cuda",
    device: `${facts.name}, ${(facts.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
    computeTypes: ["bf16", "f32"],
    memoryBytes: opened[0]!,

    create(spec) {
      return new CudaBuffer(spec, addon.create(device, spec.dtype, spec.rows, spec.columns));
    },
    async read(buffer) {
      try {
        return await native.read(buffer);
      } catch (error) {
        recorder.forget();
        throw error;
      }
    },
    workspaceBytes: (shape) => cudaWorkspaceBytes({ ...facts, cublasLt: opened[2] !== 0 }, shape),
    async close() {
      try {
        await addon.finish(device, new Float64Array(3));
      } finally {
        addon.shutdown(device);
      }
    },
  });
  return {
    ...operations,
    ...fusedOperations(addon, device, nativeOf),
    bufferBytes: cudaBufferBytes,
    repeat: recorder.repeat,
    async allocatedBytes() {
      const now = new Float64Array(3);
      await addon.finish(device, now);
      return now[1]!;
    },
  };
}
