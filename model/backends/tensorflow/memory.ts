import { execFileSync } from "node:child_process";
import type { TensorflowDevice } from "./devices.ts";

/** WebAssembly addresses no more. */
const wasmBytes = 2 ** 32;

/**
 * What libtensorflow leaves to others when it takes a card's free memory: 1.5 GiB from compute capability 8 on, less on
 * older cards (`MinSystemMemory` in TensorFlow's gpu_device.cc).
 */
const leftByTensorflow = 1.5 * 2 ** 30;

/** Memory that tensors can take, if asked before TensorFlow.js is loaded, which itself does not tell. */
export function deviceMemory(device: TensorflowDevice): number {
  const host = process.availableMemory();
  if (device === "wasm") return Math.min(host, wasmBytes);
  return device === "node-gpu" ? Math.max(0, (freeOnCard() ?? host) - leftByTensorflow) : host;
}

/** Free memory of the first card; undefined where NVIDIA's driver does not say. */
function freeOnCard(): number | undefined {
  try {
    const query = ["--query-gpu=memory.free", "--format=csv,noheader,nounits"];
    const [first = ""] = execFileSync("nvidia-smi", query, { encoding: "utf8", stdio: "pipe" }).split("\n");
    const mebibytes = Number.parseInt(first, 10);
    return Number.isNaN(mebibytes) ? undefined : mebibytes * 2 ** 20;
  } catch {
    return undefined;
  }
}
