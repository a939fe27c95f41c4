import { Readable } from "node:stream";
import { constants, createZstdDecompress } from "node:zlib";
import { CorruptInput } from "./corrupt-input.ts";

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50; // to …5f; the low four bits are free for the writer's use

/**
 * Decompresses a zstd file of any number of frames, long windows (up to 2 GiB) included.
 *
 * Node's own stream stops after the first frame, sometimes without an error (Node 24.21, seen 2026-11), so we
 * walk the block headers to find where each frame ends and give every frame a decompressor of its own.
 * Format: RFC 8878 §3.1.
 *
 * @throws CorruptInput with the byte offset when the file is cut off, damaged, or not zstd
 */
export async function* decompressZstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source);
  while (await input.has(1)) {
    const frameStart = input.offset;
    const magic = (await input.peek(4, "frame")).readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      const size = (await input.peek(8, "skippable frame")).readUInt32LE(4);
      for await (const _ of input.take(8 + size, "skippable frame"));
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new CorruptInput(`not a zstd frame at byte ${frameStart}`);
    const inflate = createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 31 } });
    const frame = Readable.from(frameBytes(input));
    frame.on("error", (error) => inflate.destroy(error));
    try {
      for await (const chunk of frame.pipe(inflate)) yield chunk;
    } catch (error) {
      if (error instanceof CorruptInput) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new CorruptInput(`damaged zstd frame that begins at byte ${frameStart} (${why})`);
    } finally {
      frame.destroy();
      inflate.destroy();
    }
  }
}

/** The bytes of the one frame that begins at the queue's head, up to and including its checksum. */
async function* frameBytes(input: ByteQueue): AsyncGenerator<Buffer> {
  const descriptor = (await input.peek(5, "frame header"))[4] as number;
  const singleSegment = (descriptor >> 5) & 1;
  const contentSizeFlag = descriptor >> 6;
  const contentSizeBytes = contentSizeFlag === 0 ? singleSegment : 1 << contentSizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  yield* input.take(5 + (1 - singleSegment) + dictionaryBytes + contentSizeBytes, "frame header");

  for (let last = false; !last; ) {
    const header = (await input.peek(3, "block header")).readUIntLE(0, 3);
    last = (header & 1) === 1;
    const isRunLength = ((header >> 1) & 3) === 1;
    yield* input.take(3 + (isRunLength ? 1 : header >> 3), "block");
  }
  const checksumBytes = descriptor & 4 ? 4 : 0;
  yield* input.take(checksumBytes, "frame checksum");
}

/** Bytes read ahead from a source, taken off from the front without copying whole chunks. */
class ByteQueue {
  offset = 0;
  #source: AsyncIterator<Uint8Array>;
  #head: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether at least `count` more bytes can be had. */
  async has(count: number): Promise<boolean> {
    while (this.#head.length < count) {
      const next = await this.#source.next();
      if (next.done) return false;
      const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    }
    return true;
  }

  async peek(count: number, what: string): Promise<Buffer> {
    if (!(await this.has(count))) throw this.#cutOff(what);
    return this.#head;
  }

  async *take(count: number, what: string): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (!(await this.has(1))) throw this.#cutOff(what);
      const part = this.#head.subarray(0, left);
      this.#head = this.#head.subarray(part.length);
      this.offset += part.length;
      left -= part.length;
      yield part;
    }
  }

  #cutOff(what: string): CorruptInput {
    return new CorruptInput(`cut off inside a zstd ${what} at byte ${this.offset + this.#head.length}`);
  }
}
