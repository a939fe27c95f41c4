import { jsonBytes } from "./measures/json-text.ts";
import { jsonText } from "./measures/native/native-json.ts";

/** Room that one block's records need nearly always. */
const FIRST_BYTES = 2 << 20;
/** More memory than this is given back. */
const MOST_BYTES = FIRST_BYTES * 4;
/** `{"text":`, `,"meta":`, `}` and the line end. */
const FRAME_BYTES = 32;
/** UTF-8 bytes of a UTF-16 unit at most. */
const BYTES_PER_UNIT = 3;

/**
 * JSON lines put together in one piece of memory, used again after each `take`: making a string and a buffer of each
 * took twice as long.
 */
export class RecordBuffer {
  length = 0;
  #memory = Buffer.alloc(0);

  /**
   * Adds the line `{"text": …, "meta": …}`.
   *
   * @param meta JSON
   */
  add(text: string, meta: string): void {
    const others = meta.length * BYTES_PER_UNIT + FRAME_BYTES;
    this.#reserve(jsonBytes(text) + others);
    this.#write('{"text":"');
    const written = jsonText().write(text, this.#memory, this.length);
    this.length += written;
    if (written === 0) {
      const literal = JSON.stringify(text).slice(1, -1);
      this.#reserve(literal.length * BYTES_PER_UNIT + others);
      this.#write(literal);
    }
    this.#write(`","meta":${meta}}\n`);
  }

  /** The lines in memory of their own; none are left here. */
  take(): Uint8Array<ArrayBuffer> {
    const lines = this.#memory.buffer.slice(0, this.length);
    this.length = 0;
    if (this.#memory.length > MOST_BYTES) this.#memory = Buffer.alloc(0); // one long text had grown it
    return new Uint8Array(lines);
  }

  #write(text: string): void {
    this.length += this.#memory.write(text, this.length, "utf8");
  }

  #reserve(bytes: number): void {
    const memory = this.#memory;
    if (memory.length - this.length >= bytes) return;
    this.#memory = Buffer.alloc(Math.max(FIRST_BYTES, memory.length * 2, this.length + bytes));
    this.#memory.set(memory.subarray(0, this.length));
  }
}
