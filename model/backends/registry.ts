import type { Backend } from "../backend.ts";
import { ModelInputError } from "../input-error.ts";
import { cpuUnavailable, createCpuBackend } from "./cpu.ts";
import { createCudaBackend, cudaUnavailable } from "./cuda.ts";
import { createReferenceBackend } from "./reference.ts";
import { createTensorflowBackend, tensorflowUnavailable, tensorflowUsesGpu } from "./tensorflow.ts";

/**
 * The backends there are or will be, in the order in which `auto` tries them. It takes `tensorflow` only where that
 * computes on a GPU, which is for cards that the cuda backend does not know: on processors `cpu` is faster.
 */
export const backendNames = ["cuda", "tensorflow", "cpu", "reference"] as const;
export type BackendName = (typeof backendNames)[number];

/** Whether a backend can run here, and if not, why. */
export type Availability =
  | {
      readonly available: true;
      /** False where nobody should get the backend who did not name it. */
      readonly automatic: boolean;
      open(): Promise<Backend>;
    }
  | { readonly available: false; readonly reason: string };

/** How each backend finds out whether it can run here. Asynchronous, since some import what may not be installed. */
const probes: Readonly<Record<BackendName, () => Promise<Availability>>> = {
  cuda: probeCuda,
  tensorflow: probeTensorflow,
  cpu: probeCpu,
  reference: async () => ({ available: true, automatic: true, open: async () => createReferenceBackend() }),
};

/** What each backend says about this machine, best first. */
export async function probeBackends(): Promise<ReadonlyMap<BackendName, Availability>> {
  return new Map(await Promise.all(backendNames.map(async (name) => [name, await probes[name]()] as const)));
}

async function probeCuda(): Promise<Availability> {
  const reason = cudaUnavailable();
  if (reason !== undefined) return { available: false, reason };
  return { available: true, automatic: true, open: () => createCudaBackend() };
}

async function probeCpu(): Promise<Availability> {
  const reason = cpuUnavailable();
  if (reason !== undefined) return { available: false, reason };
  return { available: true, automatic: true, open: async () => createCpuBackend() };
}

async function probeTensorflow(): Promise<Availability> {
  const reason = tensorflowUnavailable();
  if (reason !== undefined) return { available: false, reason };
  try {
    return { available: true, automatic: await tensorflowUsesGpu(), open: () => createTensorflowBackend() };
  } catch (error) {
    if (error instanceof ModelInputError) return { available: false, reason: error.message };
    throw error;
  }
}

/**
 * Opens the backend a user asked for; `auto` takes the best available one.
 *
 * @throws ModelInputError if the backend cannot run here, naming those that can
 */
export async function openBackend(choice: BackendName | "auto"): Promise<Backend> {
  for (const name of choice === "auto" ? backendNames : [choice]) {
    const found = await probes[name]();
    if (found.available && (found.automatic || name === choice)) return found.open();
    if (!found.available && name === choice) {
      throw new ModelInputError(
        `--backend ${name}: unavailable (${found.reason}); available here: ${(await availableBackends()).join(", ")}`,
      );
    }
  }
  throw new Error("no backend is available, not even the reference");
}

async function availableBackends(): Promise<BackendName[]> {
  return [...(await probeBackends())].flatMap(([name, found]) => (found.available ? [name] : []));
}
