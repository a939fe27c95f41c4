import { constants, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { freeChunk } from "../runtime/free-memory.ts";
import { ByteQueue, READ_BYTES } from "./byte-queue.ts";
import { CorruptInput } from "./corrupt-input.ts";

const FRAME_MAGIC = 0xfd2fb528;
const BLOCK_HEADER_BYTES = 3;
const SKIPPABLE_MAGIC = 0x184d2a50; // to …5f; the low four bits are free for the writer's use

/** Bytes decompressed at once: with Node's 16 KiB a stream takes twice the processor time (measured 2026-11). */
const CHUNK_BYTES = 1 << 20;

/**
 * Decompresses a zstd file of any number of frames, long windows (up to 2 GiB) included.
 *
 * Node's own stream stops after the first frame, sometimes without an error (Node 24.21, seen 2026-11), so we
 * walk the block headers to find where each frame ends and give every frame a decompressor of its own.
 * Format: RFC 8878 §3.1.
 *
 * @param freeChunks gives the memory of each chunk back as soon as the next is asked for: for whoever copies them
 * @throws CorruptInput with the byte offset when the file is cut off, damaged, or not zstd
 */
export async function* decompressZstd(
  source: AsyncIterable<Uint8Array>,
  freeChunks = false,
): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source, "zstd", READ_BYTES);
  while (await input.has(1)) {
    const frameStart = input.offset;
    const magic = (await input.peek(4, "frame")).readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      const size = (await input.peek(8, "skippable frame")).readUInt32LE(4);
      for await (const _ of input.take(8 + size, "skippable frame"));
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new CorruptInput(`not a zstd frame at byte ${frameStart}`);
    const inflate = createZstdDecompress({
      chunkSize: CHUNK_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: 31 },
    });
    void feed(inflate, frameBytes(input));
    try {
      for await (const chunk of inflate) {
        yield chunk;
        if (freeChunks) freeChunk(chunk, CHUNK_BYTES);
      }
    } catch (error) {
      if (error instanceof CorruptInput) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new CorruptInput(`damaged zstd frame that begins at byte ${frameStart} (${why})`);
    } finally {
      inflate.destroy();
    }
  }
}

/** Writes all parts, each only when nothing of the one before is needed any more; an error goes to whoever reads. */
async function feed(inflate: ZstdDecompress, parts: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const part of parts)
      await new Promise<void>((resolve, reject) =>
        inflate.write(part, (error) => (error ? reject(error) : resolve())),
      );
    inflate.end();
  } catch (error) {
    inflate.destroy(error as Error);
  }
}

/**
 * The bytes of the one frame that begins at the queue's head, up to and including its checksum, in pieces as large as
 * they were read: block by block (128 KiB) the way through the decompressor's queue cost twice the decompression.
 */
async function* frameBytes(input: ByteQueue): AsyncGenerator<Buffer> {
  const descriptor = (await input.peek(5, "frame header"))[4] as number;
  const singleSegment = (descriptor >> 5) & 1;
  const contentSizeFlag = descriptor >> 6;
  const contentSizeBytes = contentSizeFlag === 0 ? singleSegment : 1 << contentSizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const checksumBytes = descriptor & 4 ? 4 : 0;
  /** Bytes of the frame, from the queue's head on, up to the next block header or the frame's end. */
  let known = 5 + (1 - singleSegment) + dictionaryBytes + contentSizeBytes;
  for (let last = false; ; ) {
    while (!last && input.head.length >= known + BLOCK_HEADER_BYTES) {
      const header = input.head.readUIntLE(known, BLOCK_HEADER_BYTES);
      last = (header & 1) === 1;
      const isRunLength = ((header >> 1) & 3) === 1;
      known += BLOCK_HEADER_BYTES + (isRunLength ? 1 : header >> 3) + (last ? checksumBytes : 0);
    }
    const part = input.head.subarray(0, known);
    if (part.length > 0) yield part;
    input.drop(part.length);
    known -= part.length;
    if (known === 0 && last) return;
    await input.peek(known === 0 ? BLOCK_HEADER_BYTES : 1, "block");
  }
}
