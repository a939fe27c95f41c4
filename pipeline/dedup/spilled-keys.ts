import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAll } from "../runtime/files.ts";

/** One bucket is sorted in memory at a time: of a billion keys, 31 MB. */
const BUCKETS = 256;
const BUFFER_KEYS = 1 << 13;

/** 64-bit keys on disk, any number of them, in buckets by their upper byte. */
export class SpilledKeys {
  readonly #folder: string;
  readonly #buffers = Array.from({ length: BUCKETS }, () => new BigUint64Array(BUFFER_KEYS));
  readonly #lengths = new Uint32Array(BUCKETS);

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Begins in an empty folder of its own; what a killed run left there goes. */
  static async create(folder: string): Promise<SpilledKeys> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    return new SpilledKeys(folder);
  }

  async add(key: bigint): Promise<void> {
    const bucket = Number(key >> 56n);
    const length = this.#lengths[bucket] as number;
    (this.#buffers[bucket] as BigUint64Array)[length] = key;
    this.#lengths[bucket] = length + 1;
    if (length + 1 === BUFFER_KEYS) await this.#flush(bucket);
  }

  /** The keys that were added more than `most` times, in order. Ends the collection: the files go. */
  async *moreOftenThan(most: number): AsyncGenerator<bigint> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      await this.#flush(bucket);
      const bytes = await readFile(this.#path(bucket));
      const keys = new BigUint64Array(new Uint8Array(bytes).buffer).sort(); // copied: bytes may begin at any address
      for (let start = 0; start < keys.length; ) {
        let end = start + 1;
        while (end < keys.length && keys[end] === keys[start]) end += 1;
        if (end - start > most) yield keys[start] as bigint;
        start = end;
      }
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #flush(bucket: number): Promise<void> {
    const file = await open(this.#path(bucket), "a");
    try {
      const keys = (this.#buffers[bucket] as BigUint64Array).subarray(0, this.#lengths[bucket]);
      await writeAll(file, new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength), {
        path: this.#path(bucket),
      });
    } finally {
      await file.close();
    }
    this.#lengths[bucket] = 0;
  }

  #path(bucket: number): string {
    return join(this.#folder, String(bucket));
  }
}
