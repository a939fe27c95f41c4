import { closeSync, openSync, readSync } from "node:fs";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { AtomicFile, type FileRecord } from "../../pipeline/runtime/files.ts";
import type { WordList } from "./word-list.ts";

/*
 * A run is a file of sorted words with their counts:
 *   for each word: length (varint, at least 1), its bytes, count (varint); then 0 and the number of words (varint).
 * The closing number tells a whole file from a cut one. Varints are LEB128, up to 2^53.
 */

const BLOCK = 1 << 18;

/** Bytes of the longest varint, 2^53. */
const MAX_VARINT = 8;

/** Writes a sorted word list as a run, atomically. */
export async function writeWordRun(path: string, words: WordList): Promise<FileRecord> {
  const writer = await WordRunWriter.create(path);
  try {
    for (let i = 0; i < words.size; i++) {
      writer.add(
        words.bytes,
        words.starts[i] as number,
        words.starts[i + 1] as number,
        words.counts[i] as number,
      );
      if (writer.isFull) await writer.flush();
    }
    return await writer.commit();
  } finally {
    await writer.discard();
  }
}

/** Writes a run word by word, the words coming in order. */
export class WordRunWriter {
  readonly #file: AtomicFile;
  #block = new Uint8Array(BLOCK);
  #used = 0;
  #words = 0;

  private constructor(file: AtomicFile) {
    this.#file = file;
  }

  static async create(path: string): Promise<WordRunWriter> {
    return new WordRunWriter(await AtomicFile.create(path));
  }

  /** Whether `flush` is due. */
  get isFull(): boolean {
    return this.#used > BLOCK / 2;
  }

  /** Appends the word `bytes[from, to)`. */
  add(bytes: Uint8Array, from: number, to: number, count: number): void {
    const needed = this.#used + to - from + 2 * MAX_VARINT;
    if (needed > this.#block.length) {
      const grown = new Uint8Array(needed + BLOCK);
      grown.set(this.#block.subarray(0, this.#used));
      this.#block = grown;
    }
    const block = this.#block;
    let at = putVarint(block, this.#used, to - from);
    for (let i = from; i < to; i++) block[at++] = bytes[i] as number;
    this.#used = putVarint(block, at, count);
    this.#words += 1;
  }

  /** Hands what was added on to the file. */
  async flush(): Promise<void> {
    await this.#file.write(this.#block.subarray(0, this.#used));
    this.#used = 0;
  }

  /** Ends the run and gives it its name. */
  async commit(): Promise<FileRecord> {
    await this.flush();
    const end = putVarint(this.#block, 0, 0);
    this.#used = putVarint(this.#block, end, this.#words);
    await this.flush();
    return await this.#file.commit();
  }

  /** Drops what was written, unless it was committed. */
  async discard(): Promise<void> {
    await this.#file.discard();
  }
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    target[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[end++] = rest;
  return end;
}

/** Reads a run word by word with a buffer of fixed size, unless one word is longer. */
export class WordRunReader {
  readonly path: string;
  /** The current word is `bytes[start, end)`; both change with every call of `next`. */
  bytes: Uint8Array = new Uint8Array(BLOCK);
  start = 0;
  end = 0;
  count = 0;
  #file: number;
  #at = 0;
  #filled = 0;
  #words = 0;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, "r");
  }

  /** Moves to the next word; false after the last one. */
  next(): boolean {
    const length = this.#varint();
    if (length === 0) {
      if (this.#varint() !== this.#words) throw this.#damaged();
      return false;
    }
    this.#need(length + MAX_VARINT); // the count too, so that reading it does not move the word in the buffer
    if (this.#filled - this.#at < length) throw this.#damaged();
    this.start = this.#at;
    this.end = this.start + length;
    this.#at = this.end;
    this.count = this.#varint();
    this.#words += 1;
    return true;
  }

  close(): void {
    closeSync(this.#file);
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.#at >= this.#filled) this.#need(1);
      if (this.#at >= this.#filled || scale > 2 ** 53) throw this.#damaged();
      const byte = this.bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  /** Makes `count` bytes readable from `#at` on, or as many as the file still has. */
  #need(count: number): void {
    const rest = this.#filled - this.#at;
    if (rest >= count) return;
    const target = count > this.bytes.length ? new Uint8Array(count + BLOCK) : this.bytes;
    target.set(this.bytes.subarray(this.#at, this.#filled));
    this.bytes = target;
    this.#at = 0;
    this.#filled = rest;
    while (this.#filled < target.length) {
      const read = readSync(this.#file, target, this.#filled, target.length - this.#filled, null);
      if (read === 0) break;
      this.#filled += read;
    }
  }

  #damaged(): UserError {
    return new UserError(
      `${this.path}: damaged after word ${this.#words}; remove the folder it lies in and run again`,
    );
  }
}
