import { freeChunk } from "../runtime/free-memory.ts";
import { CorruptInput } from "./corrupt-input.ts";

/** Reads big enough that the decompressors run at full speed (measured: below 128 KiB zstd slows down). */
export const READ_BYTES = 1 << 18;

/** Bytes read ahead from a source, taken off from the front without copying whole chunks. */
export class ByteQueue {
  offset = 0;
  readonly #format: string;
  #source: AsyncIterator<Uint8Array>;
  readonly #freedBytes: number;
  #head: Buffer = Buffer.alloc(0);

  /**
   * @param format names the format in errors, such as `zstd`
   * @param freedBytes chunks of so many bytes are given back when all of them was taken and the next is asked for: nobody
   * may still look at their parts then. Left to the garbage collector, they made it mark the whole heap every 20 MB of text.
   */
  constructor(source: AsyncIterable<Uint8Array>, format: string, freedBytes = 0) {
    this.#source = source[Symbol.asyncIterator]();
    this.#format = format;
    this.#freedBytes = freedBytes;
  }

  /** What was read ahead so far. */
  get head(): Buffer {
    return this.#head;
  }

  /** Whether at least `count` more bytes can be had; they are in `head` then. */
  async has(count: number): Promise<boolean> {
    while (this.#head.length < count) if (!(await this.more())) return false;
    return true;
  }

  /** Reads one more chunk ahead; false at the end. */
  async more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    const taken = this.#head;
    this.#head = taken.length === 0 ? chunk : Buffer.concat([taken, chunk]);
    if (this.#freedBytes > 0) freeChunk(taken, this.#freedBytes);
    return true;
  }

  /** Passes over bytes that are in `head`. */
  drop(count: number): void {
    this.#head = this.#head.subarray(count);
    this.offset += count;
  }

  async peek(count: number, what: string): Promise<Buffer> {
    if (!(await this.has(count))) throw this.cutOff(what);
    return this.#head;
  }

  async *take(count: number, what: string): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (!(await this.has(1))) throw this.cutOff(what);
      const part = this.#head.subarray(0, left);
      this.drop(part.length);
      left -= part.length;
      yield part;
    }
  }

  cutOff(what: string): CorruptInput {
    return new CorruptInput(
      `cut off inside a ${this.#format} ${what} at byte ${this.offset + this.#head.length}`,
    );
  }
}
