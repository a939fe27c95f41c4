import { createRequire } from "node:module";

/** Where TensorFlow.js can compute, best first. */
export const tensorflowDevices = ["node-gpu", "node", "wasm", "cpu"] as const;
export type TensorflowDevice = (typeof tensorflowDevices)[number];

interface Library {
  /** What must be installed; the first exports TensorFlow.js, the others register with it. */
  readonly packages: readonly [string, ...string[]];
  /** The name by which TensorFlow.js knows the device. */
  readonly registered: string;
}

export const libraries: Readonly<Record<TensorflowDevice, Library>> = {
  "node-gpu": { packages: ["@tensorflow/tfjs-node-gpu"], registered: "tensorflow" },
  node: { packages: ["@tensorflow/tfjs-node"], registered: "tensorflow" },
  wasm: { packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"], registered: "wasm" },
  cpu: { packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"], registered: "cpu" },
};

const { resolve } = createRequire(import.meta.url);

/** Devices whose packages are installed, best first. Looks for files only: nothing is loaded. */
export function installedDevices(): TensorflowDevice[] {
  return tensorflowDevices.filter((device) => libraries[device].packages.every(isInstalled));
}

function isInstalled(name: string): boolean {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

export const installHint =
  "TensorFlow.js is not installed; npm install @tensorflow/tfjs-node-gpu, or @tensorflow/tfjs-node, or @tensorflow/tfjs-core with @tensorflow/tfjs-backend-wasm";
