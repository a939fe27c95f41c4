import type { DType } from "../../backend.ts";
import { loadCpuAddon } from "./addon.ts";

/** Rounds of the measurement, and floating-point operations of each, in 10⁹: so short that a busy machine leaves some alone. */
const PEAK_ROUNDS = 60;
const PEAK_BILLIONS = 1;

/**
 * The most floating-point operations a second that the processor's multiply-add units do on so many threads: the best of
 * several rounds of multiplying registers, without memory, packing or waiting. No product of matrices can be faster.
 */
export async function measurePeak(threads: number, dtype: DType): Promise<number> {
  const found = loadCpuAddon();
  if (!("addon" in found)) throw new Error(found.reason);
  const { addon } = found;
  const device = addon.open(addon.instructionSets().at(-1) ?? "plain", threads);
  const out = addon.create("f32", 1, 1);
  let best = 0;
  try {
    for (let round = 0; round < PEAK_ROUNDS; round++) {
      const billions = new Float32Array(1);
      const started = performance.now();
      addon.peakProducts(device, dtype, PEAK_BILLIONS, out);
      await addon.read(device, out, billions);
      best = Math.max(best, ((billions[0] ?? 0) * 1e12) / (performance.now() - started));
    }
  } finally {
    addon.shutdown(device);
    addon.free(out);
  }
  return best;
}
