import { MARGIN, unitsOf } from "./measures/units.ts";

/** Room that one block's records need nearly always. */
const FIRST_BYTES = 2 << 20;
/** More memory than this is given back. */
const MOST_BYTES = FIRST_BYTES * 4;
/** `{"text":`, `,"meta":`, `}` and the line end. */
const FRAME_BYTES = 32;
/** UTF-8 bytes of a UTF-16 unit at most. */
const BYTES_PER_UNIT = 3;

/** What JSON writes behind a backslash for a byte, 0 for one that it takes as it is; `OTHER` for rare controls. */
const ESCAPES = new Uint8Array(128);
const OTHER = 1;
ESCAPES.fill(OTHER, 0, 32);
for (const [sign, written] of [
  ["\n", "n"],
  ["\t", "t"],
  ['"', '"'],
  ["\\", "\\"],
] as const)
  ESCAPES[sign.charCodeAt(0)] = written.charCodeAt(0);
const BACKSLASH = 92;

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
   * @param text well-formed UTF-16
   * @param meta JSON
   * @returns UTF-8 bytes of the text alone
   */
  add(text: string, meta: string): number {
    this.#reserve((text.length + meta.length) * BYTES_PER_UNIT + FRAME_BYTES);
    this.#write('{"text":"');
    const bytes = this.#writeEscaped(text);
    this.#write(`","meta":${meta}}\n`);
    return bytes;
  }

  /** The lines in memory of their own; none are left here. */
  take(): Uint8Array<ArrayBuffer> {
    const lines = this.#memory.buffer.slice(0, this.length);
    this.length = 0;
    if (this.#memory.length > MOST_BYTES) this.#memory = Buffer.alloc(0); // one long text had grown it
    return new Uint8Array(lines);
  }

  #write(text: string): number {
    const written = this.#memory.write(text, this.length, "utf8");
    this.length += written;
    return written;
  }

  /**
   * Writes what stands between the quotes of a JSON string, in one pass: `JSON.stringify` and the encoding of what it
   * gives took twice as long.
   *
   * @returns UTF-8 bytes without the escapes
   */
  #writeEscaped(text: string): number {
    const units = unitsOf(text);
    const end = MARGIN + text.length;
    const bytes = this.#memory;
    let at = this.length;
    let escapes = 0;
    for (let i = MARGIN; i < end; i++) {
      const unit = units[i] as number;
      if (unit < 0x80) {
        const escaped = ESCAPES[unit] as number;
        if (escaped !== 0) {
          if (escaped === OTHER) return this.#writeStringified(text);
          bytes[at++] = BACKSLASH;
          bytes[at++] = escaped;
          escapes += 1;
        } else bytes[at++] = unit;
      } else if (unit < 0x800) {
        bytes[at++] = 0xc0 | (unit >> 6);
        bytes[at++] = 0x80 | (unit & 0x3f);
      } else if (unit < 0xd800 || unit > 0xdfff) {
        bytes[at++] = 0xe0 | (unit >> 12);
        bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
        bytes[at++] = 0x80 | (unit & 0x3f);
      } else {
        const codePoint = 0x10000 + ((unit & 0x3ff) << 10) + ((units[++i] as number) & 0x3ff);
        bytes[at++] = 0xf0 | (codePoint >> 18);
        bytes[at++] = 0x80 | ((codePoint >> 12) & 0x3f);
        bytes[at++] = 0x80 | ((codePoint >> 6) & 0x3f);
        bytes[at++] = 0x80 | (codePoint & 0x3f);
      }
    }
    const written = at - this.length;
    this.length = at;
    return written - escapes;
  }

  #writeStringified(text: string): number {
    const literal = JSON.stringify(text).slice(1, -1);
    this.#reserve(literal.length * BYTES_PER_UNIT + FRAME_BYTES);
    return this.#write(literal) - (literal.length - text.length); // escapes are all ASCII
  }

  #reserve(bytes: number): void {
    const memory = this.#memory;
    if (memory.length - this.length >= bytes) return;
    this.#memory = Buffer.alloc(Math.max(FIRST_BYTES, memory.length * 2, this.length + bytes));
    this.#memory.set(memory.subarray(0, this.length));
  }
}
