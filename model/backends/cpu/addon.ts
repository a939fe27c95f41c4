import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AttentionShape, DType } from "../../backend.ts";
import type { CudaAddon } from "../cuda/addon.ts";
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
export interface Addon extends NativeOperations<NativeDevice, NativeBuffer> {
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

/** The addon, or why there is none. */
export type FoundAddon = { readonly addon: Addon } | { readonly reason: string };

/** Where bin/native/build.mjs leaves the addon: seen from the sources, and from the built package's dist/. */
const buildFolders = ["../../native/build/", "../../../../model/native/build/"];

/** Where bin/native/prebuilt.mjs keeps binaries that came with the package. */
const prebuilt = `prebuilds/${process.platform}-${process.arch}/`;
const prebuiltFolders = [`../../../${prebuilt}`, `../../../../${prebuilt}`];

/**
 * Loads the native addon.
 *
 * @param variant `sanitize` is the build of `npm run check:sanitize`
 */
export function loadAddon(variant: "" | "sanitize" = ""): FoundAddon {
  const path = (folder: string, file: string) => fileURLToPath(new URL(folder + file, import.meta.url));
  const folders =
    variant === ""
      ? [...buildFolders, ...prebuiltFolders]
      : buildFolders.map((folder) => `${folder}${variant}/`);
  for (const folder of folders) {
    const file = path(folder, "cpu.node");
    if (!existsSync(file)) continue;
    try {
      return { addon: createRequire(import.meta.url)(file) as Addon };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { reason: `${file} cannot be loaded: ${message.split("\n")[0]}` };
    }
  }
  const skipped = buildFolders.map((folder) => path(folder, "skipped.txt")).find((file) => existsSync(file));
  const why = skipped === undefined ? "run node bin/native/build.mjs" : readFileSync(skipped, "utf8").trim();
  return { reason: `its native part was not built: ${why}` };
}
