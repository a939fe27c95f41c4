import { createRequire } from "node:module";
import type * as tfjs from "@tensorflow/tfjs-core";
import { ModelInputError } from "../../input-error.ts";
import { libraries, type TensorflowDevice } from "./devices.ts";
import { deviceMemory } from "./memory.ts";

/** TensorFlow.js; all of its packages share one global engine. */
export type TensorFlow = typeof tfjs;

/** TensorFlow.js, loaded and computing on one device. */
export interface LoadedLibrary {
  readonly tf: TensorFlow;
  readonly device: TensorflowDevice;
  /** libtensorflow's version, and whether it computes on a GPU; undefined where libtensorflow is not what computes. */
  readonly native: { readonly version: string; readonly usesGpu: boolean } | undefined;
  /** Memory that tensors can take. */
  readonly memoryBytes: number;
}

/** Memory by device, asked before it was loaded: libtensorflow takes what it finds. */
const memoryBytes = new Map<TensorflowDevice, number>();

const require = createRequire(import.meta.url);

/**
 * Loads TensorFlow.js for a device; a device that is loaded already is returned again.
 *
 * @throws ModelInputError if a package cannot be loaded, or if TensorFlow.js computes on another device already: all
 *   its tensors belong to one engine, which computes on one device at a time
 */
export async function loadLibrary(device: TensorflowDevice): Promise<LoadedLibrary> {
  const { packages, registered } = libraries[device];
  const available = memoryBytes.get(device) ?? deviceMemory(device);
  memoryBytes.set(device, available);
  if (registered === "tensorflow") restoreRemovedFunction();
  const [tf] = packages.map(loadPackage) as [TensorFlow];
  const current: string | undefined = tf.getBackend();
  if (current !== undefined && current !== registered && tf.memory().numTensors > 0) {
    throw new ModelInputError(`TensorFlow.js computes on ${current} already; close that backend first`);
  }
  // Leaves out advice to install another package, and checks of every element.
  tf.enableProdMode();
  if (!(await tf.setBackend(registered))) {
    throw new ModelInputError(`${packages.join(", ")}: TensorFlow.js cannot compute on ${registered} here`);
  }
  return { tf, device, native: nativeLibrary(tf.backend()), memoryBytes: available };
}

function loadPackage(name: string): unknown {
  try {
    return require(name);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).trim().split("\n");
    throw new ModelInputError(`${name} is installed but cannot be loaded: ${reason}`);
  }
}

/**
 * tfjs-node up to 4.22 (the newest on 2026-11-25) calls `isNullOrUndefined` of node:util, which Node 23 removed; with it
 * in its place, tfjs-node runs on Node 24.
 */
function restoreRemovedFunction(): void {
  const util: Record<string, unknown> = require("node:util");
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}

function nativeLibrary(backend: object): LoadedLibrary["native"] {
  if (!("isUsingGpuDevice" in backend && "binding" in backend)) return undefined;
  const { binding, isUsingGpuDevice } = backend;
  const isObject = typeof binding === "object" && binding !== null;
  const version = isObject && "TF_Version" in binding ? String(binding.TF_Version) : "of unknown version";
  return { version, usesGpu: isUsingGpuDevice === true };
}
