import { CorruptInput } from "./corrupt-input.ts";

/** Bytes read ahead from a source, taken off from the front without copying whole chunks. */
export class ByteQueue {
  offset = 0;
  readonly #format: string;
  #source: AsyncIterator<Uint8Array>;
  #head: Buffer = Buffer.alloc(0);

  /** @param format names the format in errors, such as `zstd` */
  constructor(source: AsyncIterable<Uint8Array>, format: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#format = format;
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
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
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
