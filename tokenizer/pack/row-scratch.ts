import { z } from "zod";
import { AtomicFile } from "../../pipeline/runtime/files.ts";
import { SPLITS, type Split } from "./packed-manifest.ts";
import { mix32 } from "./shuffle.ts";

/** Rows kept in memory before they are sorted by bucket and written out. */
const SEGMENT_BYTES = 32 << 20;

const bucketsSchema = z.array(z.number());
const splitCountsSchema = z.strictObject({
  documents: z.number(),
  textBytes: z.number(),
  tokens: z.number(),
  rows: z.number(),
});

/** Where a unit's rows lie in its scratch file, and what is left over. */
export const scratchIndexSchema = z.strictObject({
  /** In the order they lie in the file: rows of one split, bucket after bucket. */
  segments: z.array(z.strictObject({ split: z.enum(SPLITS), rowsByBucket: bucketsSchema })),
  /** Tokens behind the last whole row; they lie at the file's end, train first. */
  tails: z.strictObject({ train: z.number(), validation: z.number() }),
  splits: z.strictObject({ train: splitCountsSchema, validation: splitCountsSchema }),
});

export type ScratchIndex = z.infer<typeof scratchIndexSchema>;
export type Ids = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

export interface ScratchOptions {
  readonly path: string;
  readonly seqLen: number;
  readonly wide: boolean;
  readonly buckets: number;
  readonly seed: number;
  /** The unit's index in the corpus: part of what decides a row's bucket. */
  readonly unit: number;
}

/**
 * Cuts the documents of one unit (an input file) into rows, and writes them sorted by the bucket each row
 * falls into. A bucket collects rows of all units; shuffling inside buckets then shuffles the whole corpus.
 */
export class RowScratchWriter {
  readonly #file: AtomicFile;
  readonly #options: ScratchOptions;
  readonly #streams: Record<Split, RowStream>;
  readonly #segments: ScratchIndex["segments"] = [];

  private constructor(file: AtomicFile, options: ScratchOptions) {
    this.#file = file;
    this.#options = options;
    this.#streams = { train: new RowStream(options), validation: new RowStream(options) };
  }

  static async create(options: ScratchOptions): Promise<RowScratchWriter> {
    return new RowScratchWriter(await AtomicFile.create(options.path), options);
  }

  async add(split: Split, tokens: Uint16Array | Uint32Array, textBytes: number): Promise<void> {
    const stream = this.#streams[split];
    stream.documents += 1;
    stream.textBytes += textBytes;
    for (let offset = 0; offset < tokens.length; ) {
      offset += stream.push(tokens, offset);
      if (stream.isFull) await this.#flush(split);
    }
  }

  async commit(): Promise<ScratchIndex> {
    for (const split of SPLITS) await this.#flush(split);
    for (const split of SPLITS) await this.#file.write(bytesOf(this.#streams[split].tail));
    await this.#file.commit();
    const { train, validation } = this.#streams;
    return {
      segments: this.#segments,
      tails: { train: train.tail.length, validation: validation.tail.length },
      splits: { train: train.counts, validation: validation.counts },
    };
  }

  async discard(): Promise<void> {
    await this.#file.discard();
  }

  /** Writes the whole rows of a split, bucket after bucket: a counting sort. */
  async #flush(split: Split): Promise<void> {
    const { buckets, seed, unit, seqLen } = this.#options;
    const stream = this.#streams[split];
    const firstRow = stream.rows;
    const rows = stream.takeRows();
    const count = rows.length / seqLen;
    if (count === 0) return;

    const salt = SPLITS.indexOf(split);
    const bucketOf = Uint32Array.from(
      { length: count },
      (_, i) => mix32(seed, salt, unit, firstRow + i) % buckets,
    );
    const rowsByBucket = new Array<number>(buckets).fill(0);
    for (const bucket of bucketOf) rowsByBucket[bucket] = (rowsByBucket[bucket] ?? 0) + 1;
    const next = startsOf(rowsByBucket);
    const sorted = rows.slice();
    for (let i = 0; i < count; i++) {
      const bucket = bucketOf[i] as number;
      const place = next[bucket] as number;
      next[bucket] = place + 1;
      sorted.set(rows.subarray(i * seqLen, (i + 1) * seqLen), place * seqLen);
    }
    await this.#file.write(bytesOf(sorted));
    this.#segments.push({ split, rowsByBucket });
  }
}

/** Where each bucket begins when one lies behind the other. */
export function startsOf(sizes: readonly number[]): number[] {
  let start = 0;
  return sizes.map((size) => {
    const own = start;
    start += size;
    return own;
  });
}

/** A stream of tokens, cut into rows. */
class RowStream {
  documents = 0;
  textBytes = 0;
  tokens = 0;
  rows = 0;
  readonly #seqLen: number;
  readonly #buffer: Ids;
  #length = 0;

  constructor({ seqLen, wide }: ScratchOptions) {
    this.#seqLen = seqLen;
    const rows = Math.max(1, Math.floor(SEGMENT_BYTES / (seqLen * (wide ? 4 : 2))));
    this.#buffer = wide ? new Uint32Array(rows * seqLen) : new Uint16Array(rows * seqLen);
  }

  get isFull(): boolean {
    return this.#length === this.#buffer.length;
  }

  get counts(): ScratchIndex["splits"]["train"] {
    const { documents, textBytes, tokens, rows } = this;
    return { documents, textBytes, tokens, rows };
  }

  /** Tokens behind the last whole row, once the rows were taken. */
  get tail(): Ids {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes as many tokens from `offset` on as there is room for, and returns their number. */
  push(tokens: Uint16Array | Uint32Array, offset: number): number {
    const part = tokens.subarray(offset, offset + this.#buffer.length - this.#length);
    this.#buffer.set(part, this.#length);
    this.#length += part.length;
    this.tokens += part.length;
    return part.length;
  }

  /** The whole rows, one after the other, in an array of their own; what is behind them stays. */
  takeRows(): Ids {
    const whole = this.#length - (this.#length % this.#seqLen);
    const rows = this.#buffer.slice(0, whole);
    this.#buffer.copyWithin(0, whole, this.#length);
    this.#length -= whole;
    this.rows += whole / this.#seqLen;
    return rows;
  }
}

/** The memory of ids as bytes, in the machine's order; scratch never leaves the machine. */
function bytesOf(ids: Ids): Uint8Array {
  return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
}
