import { type FileHandle, open } from "node:fs/promises";
import { SPLITS, type Split } from "./packed-manifest.ts";
import { type Ids, type ScratchIndex, startsOf } from "./row-scratch.ts";
import { permutation } from "./shuffle.ts";

/** A finished scratch file and its index. */
export interface Scratch {
  readonly path: string;
  readonly index: ScratchIndex;
}

export interface ShuffleOptions {
  readonly seqLen: number;
  readonly wide: boolean;
  readonly buckets: number;
  readonly seed: number;
}

/** All rows of a split in their final order, read bucket by bucket: memory holds one bucket. */
export class ShuffledRows {
  readonly rows: number;
  /** Tokens behind the last whole row of all units' tails. */
  readonly droppedTokens: number;
  readonly #split: Split;
  readonly #scratch: readonly Scratch[];
  readonly #options: ShuffleOptions;
  readonly #rowsByBucket: number[];
  /** Rows cut from the units' tails; they belong to the last bucket. */
  readonly #tailRows: Ids;

  private constructor(split: Split, scratch: readonly Scratch[], options: ShuffleOptions, tails: Ids) {
    this.#split = split;
    this.#scratch = scratch;
    this.#options = options;
    this.droppedTokens = tails.length % options.seqLen;
    this.#tailRows = tails.subarray(0, tails.length - this.droppedTokens);
    this.#rowsByBucket = new Array<number>(options.buckets).fill(0);
    for (const { index } of scratch) {
      for (const { rowsByBucket } of index.segments.filter((segment) => segment.split === split)) {
        for (const [bucket, rows] of rowsByBucket.entries()) this.#addRows(bucket, rows);
      }
    }
    this.#addRows(options.buckets - 1, this.#tailRows.length / options.seqLen);
    this.rows = this.#rowsByBucket.reduce((sum, rows) => sum + rows, 0);
  }

  static async open(
    split: Split,
    scratch: readonly Scratch[],
    options: ShuffleOptions,
  ): Promise<ShuffledRows> {
    return new ShuffledRows(split, scratch, options, await readTails(split, scratch, options));
  }

  /** Rows `from` to `to` (exclusive) of the final order. */
  async *read(from: number, to: number): AsyncGenerator<Ids> {
    const { seqLen, seed } = this.#options;
    const starts = startsOf(this.#rowsByBucket);
    for (const [bucket, count] of this.#rowsByBucket.entries()) {
      const start = starts[bucket] as number;
      if (start + count <= from || start >= to) continue;
      const ids = await this.#readBucket(bucket, count);
      const order = permutation(count, seed, SPLITS.indexOf(this.#split), bucket);
      for (let i = Math.max(0, from - start); i < Math.min(count, to - start); i++) {
        const row = order[i] as number;
        yield ids.subarray(row * seqLen, (row + 1) * seqLen);
      }
    }
  }

  #addRows(bucket: number, rows: number): void {
    this.#rowsByBucket[bucket] = (this.#rowsByBucket[bucket] ?? 0) + rows;
  }

  /** The rows of a bucket from every unit, in the order of the units. */
  async #readBucket(bucket: number, count: number): Promise<Ids> {
    const { seqLen, wide, buckets } = this.#options;
    const ids = newIds(count * seqLen, wide);
    let filled = 0;
    for (const { path, index } of this.#scratch) {
      const handle = await open(path, "r");
      try {
        let segmentStart = 0;
        for (const { split, rowsByBucket } of index.segments) {
          const start = segmentStart + (startsOf(rowsByBucket)[bucket] as number);
          segmentStart += rowsByBucket.reduce((sum, rows) => sum + rows, 0);
          if (split !== this.#split) continue;
          const length = (rowsByBucket[bucket] as number) * seqLen;
          await readIds(handle, ids.subarray(filled, filled + length), start * seqLen);
          filled += length;
        }
      } finally {
        await handle.close();
      }
    }
    if (bucket === buckets - 1) ids.set(this.#tailRows, filled);
    return ids;
  }
}

/** What every unit had left over, one after the other. */
async function readTails(
  split: Split,
  scratch: readonly Scratch[],
  { seqLen, wide }: ShuffleOptions,
): Promise<Ids> {
  const total = scratch.reduce((sum, { index }) => sum + index.tails[split], 0);
  const tails = newIds(total, wide);
  let filled = 0;
  for (const { path, index } of scratch) {
    const rows = index.splits.train.rows + index.splits.validation.rows;
    const start = rows * seqLen + (split === "train" ? 0 : index.tails.train);
    const handle = await open(path, "r");
    try {
      await readIds(handle, tails.subarray(filled, filled + index.tails[split]), start);
    } finally {
      await handle.close();
    }
    filled += index.tails[split];
  }
  return tails;
}

/** Fills `target` with the ids that begin at the `position`-th id of the file. */
async function readIds(handle: FileHandle, target: Ids, position: number): Promise<void> {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(
      bytes,
      done,
      bytes.length - done,
      position * target.BYTES_PER_ELEMENT + done,
    );
    if (bytesRead === 0) throw new Error("scratch file is shorter than its index says");
    done += bytesRead;
  }
}

const newIds = (length: number, wide: boolean): Ids =>
  wide ? new Uint32Array(length) : new Uint16Array(length);
