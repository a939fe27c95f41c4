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

/** What each backend says about this machine. */
export function probeBackends(): Readonly<Record<BackendName, Availability>> {
  return {
    cuda: { available: false, reason: "not part of this version yet" },
    cpu: probeCpu(),
    tensorflow: { available: false, reason: "not part of this version yet" },
    reference: { available: true, open: async () => createReferenceBackend() },
  };
}

function probeCpu(): Availability {
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
  const probed = probeBackends();
  const candidates = choice === "auto" ? backendNames : [choice];
  for (const name of candidates) {
    const found = probed[name];
    if (found.available) return found.open();
    if (name === choice) {
      const others = backendNames.filter((other) => probed[other].available).join(", ");
      throw new ModelInputError(
        `--backend ${name}: unavailable (${found.reason}); available here: ${others}`,
      );
    }
  }
  throw new Error("no backend is available, not even the reference");
}
