/** Room that one block's records need nearly always. */
const FIRST_BYTES = 2 << 20;
/** `{"text":`, `,"meta":`, `}` and the line end. */
const FRAME_BYTES = 32;
/** UTF-8 bytes of a UTF-16 unit at most. */
const BYTES_PER_UNIT = 3;

/** The memory all blocks of a thread are put together in. */
let scratch = Buffer.alloc(0);

/** JSON lines put together in one piece of memory: making a string and a buffer of each took twice as long. */
export class RecordBuffer {
  length = 0;

  /**
   * Adds the line `{"text": …, "meta": …}`.
   *
   * @param text well-formed UTF-16
   * @param meta JSON
   * @returns UTF-8 bytes of the text alone
   */
  add(text: string, meta: string): number {
    const literal = JSON.stringify(text);
    this.#reserve((literal.length + meta.length) * BYTES_PER_UNIT + FRAME_BYTES);
    this.#write('{"text":');
    const bytes = this.#write(literal);
    this.#write(`,"meta":${meta}}\n`);
    return bytes - (literal.length - text.length); // quotes and escapes are all ASCII
  }

  /** The lines in memory of their own. The next `RecordBuffer` may be filled then. */
  take(): Uint8Array<ArrayBuffer> {
    const lines = new Uint8Array(this.length);
    lines.set(scratch.subarray(0, this.length));
    return lines;
  }

  #write(text: string): number {
    const written = scratch.write(text, this.length, "utf8");
    this.length += written;
    return written;
  }

  #reserve(bytes: number): void {
    if (scratch.length - this.length >= bytes) return;
    const grown = Buffer.alloc(Math.max(FIRST_BYTES, scratch.length * 2, this.length + bytes));
    grown.set(scratch.subarray(0, this.length));
    scratch = grown;
  }
}
