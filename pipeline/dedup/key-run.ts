import { closeSync, openSync, readSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { writeAll } from "../runtime/files.ts";

/** Keys are looked up by their upper 16 bits: of a hundred million, 1,500 share them, which is one read of 12 kB. */
const PREFIXES = 1 << 16;
/** Pieces that runs are merged in, by the upper 8 bits. */
const PIECES = 256;
const KEY_BYTES = 8;

/** Sorted 64-bit keys in a file, with an index of 256 kB in memory. */
export class KeyRun {
  readonly #path: string;
  readonly #descriptor: number;
  /** Where the keys of each prefix begin, counted in keys; one entry more says where the last ones end. */
  readonly #starts: Uint32Array;
  #buffer = new BigUint64Array(1 << 12);

  private constructor(path: string, starts: Uint32Array) {
    this.#path = path;
    this.#descriptor = openSync(path, "r");
    this.#starts = starts;
  }

  /** Writes keys that are sorted, all pieces one behind the other. */
  static async write(path: string, pieces: Iterable<BigUint64Array<ArrayBuffer>>): Promise<KeyRun> {
    const counts = new Uint32Array(PREFIXES + 1);
    const file = await open(path, "w");
    try {
      for (const keys of pieces) {
        const quarters = new Uint16Array(keys.buffer, keys.byteOffset, keys.length * 4);
        for (let i = 3; i < quarters.length; i += 4) {
          const after = (quarters[i] as number) + 1;
          counts[after] = (counts[after] as number) + 1;
        }
        await writeAll(file, new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength), { path });
      }
    } finally {
      await file.close();
    }
    for (let i = 0; i < PREFIXES; i++) counts[i + 1] = (counts[i + 1] as number) + (counts[i] as number);
    return new KeyRun(path, counts);
  }

  /** The keys of all runs in order, in pieces of a 256th. */
  static *merged(runs: readonly KeyRun[]): Generator<BigUint64Array<ArrayBuffer>> {
    for (let piece = 0; piece < PIECES; piece++) {
      const from = (piece * PREFIXES) / PIECES;
      const to = from + PREFIXES / PIECES;
      const size = runs.reduce((sum, run) => sum + run.#count(from, to), 0);
      const keys = new BigUint64Array(size);
      let filled = 0;
      for (const run of runs) {
        run.#read(from, to, keys.subarray(filled));
        filled += run.#count(from, to);
      }
      yield keys.sort();
    }
  }

  /** How many there are. */
  get keys(): number {
    return this.#count(0, PREFIXES);
  }

  has(key: bigint): boolean {
    const prefix = Number(key >> 48n);
    const count = this.#count(prefix, prefix + 1);
    if (count > this.#buffer.length) this.#buffer = new BigUint64Array(count * 2);
    this.#read(prefix, prefix + 1, this.#buffer);
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#buffer[middle] as bigint) < key) low = middle + 1;
      else high = middle;
    }
    return low < count && this.#buffer[low] === key;
  }

  async remove(): Promise<void> {
    closeSync(this.#descriptor);
    await rm(this.#path, { force: true });
  }

  #count(from: number, to: number): number {
    return (this.#starts[to] as number) - (this.#starts[from] as number);
  }

  #read(from: number, to: number, into: BigUint64Array): void {
    const bytes = this.#count(from, to) * KEY_BYTES;
    const target = new Uint8Array(into.buffer, into.byteOffset, bytes);
    const start = (this.#starts[from] as number) * KEY_BYTES;
    for (let done = 0; done < bytes; ) {
      const read = readSync(this.#descriptor, target, done, bytes - done, start + done);
      if (read === 0) throw new Error(`${this.#path}: cut off at byte ${start + done}`);
      done += read;
    }
  }
}
