import { open } from "node:fs/promises";
import { Clusters } from "./clusters.ts";
import { BANDS } from "./minhash.ts";

/** The band hashes of some documents: a file of `BANDS` columns, each with 8 bytes a document. */
export interface BandFile {
  readonly path: string;
  readonly documents: number;
}

/** Band hashes sorted at a time: 16 M are 320 MB with the room to sort them. */
const RECORDS_AT_A_TIME = 1 << 24;
const DIGIT_BITS = 16;
const HASH_BYTES = 8;

/**
 * Finds the near-duplicates among documents, numbered through all files in order: those that share a band
 * with an earlier one, or with one that does. Bands are read one after the other; with more documents than
 * fit at a time, a band is read several times, each for a part of the hashes' range.
 */
export async function findNearDuplicates(
  files: readonly BandFile[],
  { signal, recordsAtATime = RECORDS_AT_A_TIME }: { signal?: AbortSignal; recordsAtATime?: number } = {},
): Promise<Clusters> {
  const documents = files.reduce((sum, file) => sum + file.documents, 0);
  const clusters = new Clusters(documents);
  const parts = Math.ceil(documents / recordsAtATime);
  const sorter = new BandSorter(Math.min(documents, Math.ceil((documents / parts) * 1.1) + 1024));
  for (let band = 0; band < BANDS; band++) {
    for (let part = 0; part < parts; part++) {
      signal?.throwIfAborted();
      const from = Math.floor((part * 2 ** 32) / parts);
      const to = Math.floor(((part + 1) * 2 ** 32) / parts);
      await readBand(files, band, (high, low, id) => {
        if (high >= from && high < to) sorter.add(high, low, id);
      });
      sorter.joinEqual(clusters);
    }
  }
  return clusters;
}

async function readBand(
  files: readonly BandFile[],
  band: number,
  add: (high: number, low: number, id: number) => void,
): Promise<void> {
  let id = 0;
  for (const { path, documents } of files) {
    if (documents === 0) continue;
    const column = new Uint32Array(documents * 2);
    const handle = await open(path, "r");
    try {
      const { bytesRead } = await handle.read(column, 0, column.byteLength, band * documents * HASH_BYTES);
      if (bytesRead !== column.byteLength)
        throw new Error(`${path}: expected ${documents * HASH_BYTES * BANDS} bytes, band ${band} is cut off`);
    } finally {
      await handle.close();
    }
    for (let i = 0; i < documents; i++, id++) add(column[i * 2] as number, column[i * 2 + 1] as number, id);
  }
}

/** Sorts records of a 64-bit hash and a document number by the hash: radix sort on its upper half. */
class BandSorter {
  #high: Uint32Array;
  #low: Uint32Array;
  #ids: Uint32Array;
  #order: Uint32Array;
  #sorted: Uint32Array;
  #count = 0;

  constructor(capacity: number) {
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#ids = new Uint32Array(capacity);
    this.#order = new Uint32Array(capacity);
    this.#sorted = new Uint32Array(capacity);
  }

  add(high: number, low: number, id: number): void {
    if (this.#count === this.#high.length) this.#grow();
    this.#high[this.#count] = high;
    this.#low[this.#count] = low;
    this.#ids[this.#count] = id;
    this.#count += 1;
  }

  /** Joins the documents of equal hashes, and forgets all records. */
  joinEqual(clusters: Clusters): void {
    for (let i = 0; i < this.#count; i++) this.#order[i] = i;
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) this.#sortByDigit(shift);
    for (let start = 0; start < this.#count; ) {
      const high = this.#high[this.#order[start] as number];
      let end = start + 1;
      while (end < this.#count && this.#high[this.#order[end] as number] === high) end += 1;
      if (end - start > 1) this.#joinRun(start, end, clusters);
      start = end;
    }
    this.#count = 0;
  }

  /** Records of one upper half: nearly always the same lower half too. */
  #joinRun(start: number, end: number, clusters: Clusters): void {
    const firstOf = new Map<number, number>();
    for (let i = start; i < end; i++) {
      const record = this.#order[i] as number;
      const [low, id] = [this.#low[record] as number, this.#ids[record] as number];
      const first = firstOf.get(low);
      if (first === undefined) firstOf.set(low, id);
      else clusters.join(first, id);
    }
  }

  #sortByDigit(shift: number): void {
    const mask = 2 ** DIGIT_BITS - 1;
    const places = new Uint32Array(2 ** DIGIT_BITS + 1);
    for (let i = 0; i < this.#count; i++) {
      const digit = ((this.#high[this.#order[i] as number] as number) >>> shift) & mask;
      places[digit + 1] = (places[digit + 1] as number) + 1;
    }
    for (let digit = 0; digit < mask; digit++)
      places[digit + 1] = (places[digit + 1] as number) + (places[digit] as number);
    for (let i = 0; i < this.#count; i++) {
      const record = this.#order[i] as number;
      const digit = ((this.#high[record] as number) >>> shift) & mask;
      const place = places[digit] as number;
      this.#sorted[place] = record;
      places[digit] = place + 1;
    }
    [this.#order, this.#sorted] = [this.#sorted, this.#order];
  }

  #grow(): void {
    const larger = (array: Uint32Array) => {
      const grown = new Uint32Array(array.length * 2);
      grown.set(array);
      return grown;
    };
    this.#high = larger(this.#high);
    this.#low = larger(this.#low);
    this.#ids = larger(this.#ids);
    this.#order = larger(this.#order);
    this.#sorted = larger(this.#sorted);
  }
}
