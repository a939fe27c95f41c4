import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CorruptInput } from "./corrupt-input.ts";
import { decompressZstd } from "./zstd.ts";

/** Reads big enough that the decompressors run at full speed (measured: below 128 KiB zstd slows down). */
const READ_BYTES = 1 << 18;

export type Compression = "zst" | "gz" | "none";

export interface OpenOptions {
  /** Taken from the file's name when not given. */
  readonly compression?: Compression;
  /** Sees every chunk as it lies in the file, before it is inflated. */
  readonly onRead?: (chunk: Uint8Array) => void;
}

/**
 * The decompressed bytes of a local file.
 *
 * @throws CorruptInput when a compressed file is cut off or damaged
 */
export function openBytes(
  path: string,
  { compression = compressionOf(path), onRead }: OpenOptions = {},
): AsyncIterable<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  const raw = onRead === undefined ? file : watch(file, onRead);
  switch (compression) {
    case "zst":
      return decompressZstd(raw);
    case "gz":
      return gunzip(raw);
    case "none":
      return raw;
  }
}

function compressionOf(path: string): Compression {
  if (path.endsWith(".zst")) return "zst";
  return path.endsWith(".gz") ? "gz" : "none";
}

async function* watch(
  source: AsyncIterable<Uint8Array>,
  onRead: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    onRead(chunk);
    yield chunk;
  }
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const inflate = createGunzip({ chunkSize: READ_BYTES });
  pipeline(Readable.from(source), inflate, () => undefined); // errors reach the reader through `inflate`
  try {
    for await (const chunk of inflate) yield chunk;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "Z_BUF_ERROR") throw new CorruptInput("cut off inside the gzip stream");
    if (code.startsWith("Z_")) throw new CorruptInput(`damaged gzip stream (${code})`);
    throw error;
  }
}
