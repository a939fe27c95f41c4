import type { Backend } from "../backend.ts";
import { ModelInputError } from "../input-error.ts";
import { cpuUnavailable, createCpuBackend } from "./cpu.ts";
import { createReferenceBackend } from "./reference.ts";

/** The backends there are or will be, best first: the order in which `auto` tries them. */
export const backendNames = ["cuda", "cpu", "tensorflow", "reference"] as const;
export type BackendName = (typeof backendNames)[number];

/** Whether a backend can run here, and if not, why. */
export type Availability =
  | { readonly available: true; open(): Promise<Backend> }
  | { readonly available: false; readonly reason: string };

/** How each backend finds out whether it can run here. Asynchronous, since some import what may not be installed. */
const probes: Readonly<Record<BackendName, () => Promise<Availability>>> = {
  cuda: async () => ({ available: false, reason: "not part of this version yet" }),
  cpu: probeCpu,
  tensorflow: async () => ({ available: false, reason: "not part of this version yet" }),
  reference: async () => ({ available: true, open: async () => createReferenceBackend() }),
};

/** What each backend says about this machine, best first. */
export async function probeBackends(): Promise<ReadonlyMap<BackendName, Availability>> {
  return new Map(await Promise.all(backendNames.map(async (name) => [name, await probes[name]()] as const)));
}

async function probeCpu(): Promise<Availability> {
  const reason = cpuUnavailable();
  if (reason !== undefined) return { available: false, reason };
  return { available: true, open: async () => createCpuBackend() };
}

/**
 * Opens the backend a user asked for; `auto` takes the best available one.
 *
 * @throws ModelInputError if the backend cannot run here, naming those that can
 */
export async function openBackend(choice: BackendName | "auto"): Promise<Backend> {
  for (const name of choice === "auto" ? backendNames : [choice]) {
    const found = await probes[name]();
    if (found.available) return found.open();
    if (name === choice) {
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
