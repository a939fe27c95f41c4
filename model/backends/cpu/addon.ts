import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AttentionShape, DType, Transposition } from "../../backend.ts";
import type { CudaAddon } from "../cuda/addon.ts";

/** Handles to native objects; only their own addon can look inside. */
declare const deviceBrand: unique symbol;
export interface NativeDevice {
  readonly [deviceBrand]: true;
}
declare const bufferBrand: unique symbol;
export interface NativeBuffer {
  readonly [bufferBrand]: true;
}

type Optional = NativeBuffer | undefined;

/** What model/native/addon.cpp exports. Shapes are checked on this side, contents on the native one. */
export interface Addon {
  readonly cuda: CudaAddon;
  /** Instruction sets that this processor has, worst first. */
  instructionSets(): string[];
  open(instructionSet: string, threads: number): NativeDevice;
  create(dtype: DType, rows: number, columns: number): NativeBuffer;
  free(buffer: NativeBuffer): void;
  write(device: NativeDevice, buffer: NativeBuffer, values: Float32Array | Int32Array): void;
  read(device: NativeDevice, buffer: NativeBuffer, into: Float32Array): Promise<void>;
  finish(device: NativeDevice): Promise<void>;
  shutdown(device: NativeDevice): void;
  workspaceBytes(device: NativeDevice, shape: AttentionShape): number;
  /** Multiplies registers about `billions` · 10⁹ times on all threads; `out` gets the exact number in 10⁹. */
  peakProducts(device: NativeDevice, dtype: DType, billions: number, out: NativeBuffer): void;
  zero(device: NativeDevice, buffer: NativeBuffer): void;
  copy(
    device: NativeDevice,
    from: NativeBuffer,
    fromRow: number,
    to: NativeBuffer,
    toRow: number,
    rows: number,
  ): void;
  embedding(device: NativeDevice, ids: NativeBuffer, weight: NativeBuffer, out: NativeBuffer): void;
  embeddingBackward(device: NativeDevice, ids: NativeBuffer, dOut: NativeBuffer, dWeight: NativeBuffer): void;
  rmsNorm(
    device: NativeDevice,
    x: NativeBuffer,
    gain: NativeBuffer,
    epsilon: number,
    out: NativeBuffer,
    scale: NativeBuffer,
  ): void;
  rmsNormBackward(
    device: NativeDevice,
    x: NativeBuffer,
    gain: NativeBuffer,
    scale: NativeBuffer,
    dOut: NativeBuffer,
    dX: NativeBuffer,
    dGain: NativeBuffer,
  ): void;
  matmul(
    device: NativeDevice,
    transposition: Transposition,
    a: NativeBuffer,
    b: NativeBuffer,
    out: NativeBuffer,
    plus: Optional,
  ): void;
  rope(
    device: NativeDevice,
    x: NativeBuffer,
    heads: number,
    headSize: number,
    positions: NativeBuffer,
    table: NativeBuffer,
    direction: 1 | -1,
  ): void;
  attention(
    device: NativeDevice,
    shape: AttentionShape,
    qkv: NativeBuffer,
    documentStarts: Optional,
    out: NativeBuffer,
    logSumExp: NativeBuffer,
  ): void;
  attentionBackward(
    device: NativeDevice,
    shape: AttentionShape,
    qkv: NativeBuffer,
    documentStarts: Optional,
    out: NativeBuffer,
    logSumExp: NativeBuffer,
    dOut: NativeBuffer,
    dQkv: NativeBuffer,
    rowSums: NativeBuffer,
  ): void;
  cachedAttention(
    device: NativeDevice,
    shape: AttentionShape,
    capacity: number,
    positions: NativeBuffer,
    qkv: NativeBuffer,
    cache: NativeBuffer,
    out: NativeBuffer,
  ): void;
  swiglu(device: NativeDevice, gateUp: NativeBuffer, out: NativeBuffer): void;
  swigluBackward(device: NativeDevice, gateUp: NativeBuffer, dOut: NativeBuffer, dGateUp: NativeBuffer): void;
  /** `gradientScale` 0 leaves the logits alone. */
  crossEntropy(
    device: NativeDevice,
    logits: NativeBuffer,
    targets: NativeBuffer,
    sums: NativeBuffer,
    gradientScale: number,
  ): void;
  squaredNorm(device: NativeDevice, buffers: NativeBuffer[], out: NativeBuffer): void;
  adamw(
    device: NativeDevice,
    weight: NativeBuffer,
    master: Optional,
    gradient: NativeBuffer,
    firstMoment: NativeBuffer,
    secondMoment: NativeBuffer,
    squaredNorm: NativeBuffer,
    step: {
      learningRate: number;
      beta1: number;
      beta2: number;
      epsilon: number;
      update: number;
      weightDecay: number;
      roundingSeed: number;
      maxNorm: number;
    },
  ): void;
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
