import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { READ_BYTES } from "./byte-queue.ts";
import { decompressBzip2 } from "./bzip2.ts";
import { CorruptInput } from "./corrupt-input.ts";
import { decompressZstd } from "./zstd.ts";

export type Compression = "zst" | "gz" | "bz2" | "none";

export interface OpenOptions {
  /** Taken from the file's name when not given. */
  readonly compression?: Compression;
  /** Read instead of the file at `path`. */
  readonly content?: AsyncIterable<Uint8Array> | undefined;
  /** Sees every chunk as it lies in the file, before it is inflated. */
  readonly onRead?: (chunk: Uint8Array) => void;
  /** The reader copies each chunk before it asks for the next, so that its memory may be freed then. */
  readonly freeChunks?: boolean;
}

/**
 * The decompressed bytes of a local file.
 *
 * @throws CorruptInput when a compressed file is cut off or damaged
 */
export function openBytes(
  path: string,
  {
    compression = compressionOf(path),
    content = readFrom(path),
    onRead,
    freeChunks = false,
  }: OpenOptions = {},
): AsyncIterable<Uint8Array> {
  const raw = onRead === undefined ? content : watch(content, onRead);
  switch (compression) {
    case "zst":
      return decompressZstd(raw, freeChunks);
    case "gz":
      return gunzip(raw);
    case "bz2":
      return decompressBzip2(raw);
    case "none":
      return raw;
  }
}

function compressionOf(path: string): Compression {
  if (path.endsWith(".zst")) return "zst";
  return path.endsWith(".gz") ? "gz" : "none";
}

/** A file that went away or whose disk fails is its source's trouble, not the whole run's. */
async function* readFrom(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: READ_BYTES });
  } catch (error) {
    if (error instanceof Error && "syscall" in error && "code" in error)
      throw new CorruptInput(`cannot be read (${error.code})`);
    throw error;
  }
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
  let fed = 0;
  let last: Uint8Array = new Uint8Array();
  const counted = watch(source, (chunk) => {
    fed += chunk.length;
    last = chunk;
  });
  const input = Readable.from(counted);
  pipeline(input, inflate, () => undefined); // zlib's errors reach the reader through `inflate`
  try {
    yield* inflate;
  } catch (failure) {
    const error = input.errored ?? failure; // the source's own, or zlib's, which ends the source as well
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "Z_BUF_ERROR") throw new CorruptInput("cut off inside the gzip stream");
    if (code.startsWith("Z_")) throw new CorruptInput(`damaged gzip stream (${code})`);
    throw error;
  }
  // zlib stops without an error at a zero byte behind a member: padding is welcome there, data is not
  const unread = fed - inflate.bytesWritten;
  if (unread > last.length || last.subarray(last.length - unread).some((byte) => byte !== 0))
    throw new CorruptInput(`${unread} bytes behind the gzip stream that end at byte ${fed}`);
}
