import { type FoundAddon, loadAddon } from "../../../native/load.ts";
import type { AttentionShape, DType } from "../../backend.ts";
import type { CudaAddon } from "../cuda/addon.ts";
import type { FusedOperations } from "../fused-operations.ts";
import type { NativeOperations } from "../native-operations.ts";

/** Handles to native objects; only their own addon can look inside. */
declare const deviceBrand: unique symbol;
export interface NativeDevice {
  readonly [deviceBrand]: true;
}
declare const bufferBrand: unique symbol;
export interface NativeBuffer {
  readonly [bufferBrand]: true;
}

/** What model/native/addon.cpp exports. */
export interface Addon
  extends NativeOperations<NativeDevice, NativeBuffer>,
    FusedOperations<NativeDevice, NativeBuffer> {
  readonly cuda: CudaAddon;
  /** Instruction sets that this processor has, worst first. */
  instructionSets(): string[];
  open(instructionSet: string, threads: number): NativeDevice;
  create(dtype: DType, rows: number, columns: number): NativeBuffer;
  finish(device: NativeDevice): Promise<void>;
  shutdown(device: NativeDevice): void;
  workspaceBytes(device: NativeDevice, shape: AttentionShape): number;
  /** Multiplies registers about `billions` · 10⁹ times on all threads; `out` gets the exact number in 10⁹. */
  peakProducts(device: NativeDevice, dtype: DType, billions: number, out: NativeBuffer): void;
}

/** @param variant `sanitize` is the build of `npm run check:sanitize` */
export function loadCpuAddon(variant: "" | "sanitize" = ""): FoundAddon<Addon> {
  return loadAddon("cpu", "model/native", variant);
}
