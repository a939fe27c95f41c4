import { cpuUnavailable } from "../../../model/backends/cpu.ts";
import { type CudaBackend, type CudaOptions, createCudaBackend } from "../../../model/backends/cuda.ts";
import { buildEmulator, emulatorMissing } from "./build.ts";

export interface EmulatedCard {
  /** Why there is none here. */
  readonly missing: string | undefined;
  /** Stands in for NVIDIA's driver; empty where it is missing. */
  readonly library: string;
  open(options?: CudaOptions): Promise<CudaBackend>;
}

/** The cuda backend on the CPU harness: no card, the same kernels. */
export async function emulatedCard(): Promise<EmulatedCard> {
  const missing = cpuUnavailable() ?? emulatorMissing();
  const library = missing === undefined ? (await buildEmulator("fast")).library : "";
  // The harness brings the kernels itself, whatever module it is given.
  const kernels = [new Uint8Array(1)];
  return { missing, library, open: (options = {}) => createCudaBackend({ library, kernels, ...options }) };
}
