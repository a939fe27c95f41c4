import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { z } from "zod";

/*
 * The compiled kernels are one file, made by `npm run build:cuda`: four bytes with the length of a header, the header in
 * JSON, and behind it each module, compressed. For every architecture there is machine code; the others get PTX, which
 * their driver compiles.
 *
 * It does the work of a fatbin, CUDA's own container, and is none, because choosing here and not in the driver
 * - says what is wrong where nothing fits (no kernels for this card, a driver too old for the PTX) instead of an error code,
 *   and can be tested without a card;
 * - hands the driver one architecture's modules as ptxas made them, in the two forms that every driver since R525 takes,
 *   where newer tools compress fatbins in ways that older drivers do not know;
 * - takes 1.6 MB for seven targets, where `fatbinary` 13.5 makes 7.2 MB of the same modules (2026-11);
 * - needs no tool that PyPI's packages of CUDA 12 lack: `fatbinary` comes with the toolkit only.
 */

const headerSchema = z.strictObject({
  format: z.literal("apt3.kernels/1"),
  /** Hash of the sources they were compiled from. */
  sources: z.string(),
  /** CUDA version of the compiler, as drivers give theirs: 12090 for 12.9. PTX needs a driver at least as new. */
  cudaVersion: z.int(),
  images: z.array(
    z.strictObject({
      /** `sm_89` is machine code, `compute_80` PTX. */
      target: z.string().regex(/^(sm|compute)_\d+$/),
      source: z.string(),
      offset: z.int().nonnegative(),
      bytes: z.int().positive(),
    }),
  ),
});

export type KernelHeader = z.infer<typeof headerSchema>;

export interface KernelFile {
  readonly header: KernelHeader;
  /** Behind the header. */
  readonly data: Uint8Array;
}

/** A device as far as the choice of its kernels goes. */
export interface Capability {
  readonly capabilityMajor: number;
  readonly capabilityMinor: number;
}

/** Where the kernels lie: seen from the sources, and from the built package's dist/. */
const places = ["../../native/cuda/kernels.bin", "../../../../model/native/cuda/kernels.bin"];

/** Reads the kernels that apt3 ships; undefined where there are none. */
export function readKernelFile(): KernelFile | undefined {
  const path = places
    .map((file) => fileURLToPath(new URL(file, import.meta.url)))
    .find((file) => existsSync(file));
  return path === undefined ? undefined : parseKernelFile(readFileSync(path));
}

export function parseKernelFile(file: Uint8Array): KernelFile {
  const length = new DataView(file.buffer, file.byteOffset, file.byteLength).getUint32(0, true);
  const header = headerSchema.parse(JSON.parse(new TextDecoder().decode(file.subarray(4, 4 + length))));
  return { header, data: file.subarray(4 + length) };
}

/**
 * The target to load on a device: machine code for its major capability and the nearest minor one below, which is how
 * far machine code is compatible; else the newest PTX that it can compile. Undefined if there is none.
 */
export function chooseTarget(
  { images }: KernelHeader,
  { capabilityMajor, capabilityMinor }: Capability,
): string | undefined {
  const capability = 10 * capabilityMajor + capabilityMinor;
  const best = (kind: string, fits: (number: number) => boolean) =>
    images
      .map(({ target }) => target)
      .filter((target) => target.startsWith(kind) && fits(numberOf(target)))
      .sort((a, b) => numberOf(b) - numberOf(a))[0];
  const isNear = (number: number) => Math.floor(number / 10) === capabilityMajor && number <= capability;
  return best("sm_", isNear) ?? best("compute_", (number) => number <= capability);
}

const numberOf = (target: string): number => Number(target.slice(target.indexOf("_") + 1));

/** The modules of a target, as the driver takes them. */
export function imagesOf({ header, data }: KernelFile, target: string): Uint8Array[] {
  return header.images
    .filter((image) => image.target === target)
    .map(({ offset, bytes }) => {
      const module = brotliDecompressSync(data.subarray(offset, offset + bytes));
      // PTX is text, which the driver expects to end with a zero byte.
      return target.startsWith("compute_") ? Buffer.concat([module, Buffer.of(0)]) : module;
    });
}
