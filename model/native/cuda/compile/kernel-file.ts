import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import type { KernelHeader } from "../../../backends/cuda/kernel-images.ts";

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

/** The kernels' sources: those that are compiled, or with headers all that decide the result. */
export function kernelSources(extensions: readonly string[] = [".cu", ".cuh", ".h"]): string[] {
  return readdirSync(folder)
    .filter((name) => extensions.includes(extname(name)))
    .sort()
    .map((name) => join(folder, name));
}

/** A hash that changes when one of these sources or its name does; by default all of them. */
export function hashSources(paths: readonly string[] = kernelSources()): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const text = readFileSync(path);
    hash.update(`${path.slice(folder.length)} ${text.length}\n`).update(text);
  }
  return hash.digest("hex");
}

export interface CompiledModule {
  readonly target: string;
  /** Name of the file it was compiled from. */
  readonly source: string;
  readonly content: Uint8Array;
}

/** Puts compiled modules into one file; see `parseKernelFile`. */
export function packKernels(
  modules: readonly CompiledModule[],
  facts: Pick<KernelHeader, "sources" | "cudaVersion">,
): Buffer {
  let offset = 0;
  const packed = modules.map(({ target, source, content }) => {
    const data = brotliCompressSync(content, {
      // Quality 11 would take minutes for a hundredth less.
      params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 },
    });
    const image = { target, source, offset, bytes: data.length };
    offset += data.length;
    return { data, image };
  });
  const header: KernelHeader = {
    format: "apt3.kernels/1",
    ...facts,
    images: packed.map(({ image }) => image),
  };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, ...packed.map(({ data }) => data)]);
}
