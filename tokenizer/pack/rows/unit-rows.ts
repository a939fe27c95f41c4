import { z } from "zod";
import type { TokenIds } from "../../engine/encoder.ts";
import { newIds, startsOf } from "../shards/ids.ts";
import { SPLITS, type Split } from "../shards/packed-manifest.ts";
import { createRowCutter, newRowBuffer, type RowCutter, type RowOptions } from "./row-cutter.ts";
import { mix32 } from "./shuffle.ts";

const countsSchema = z.strictObject({
  documents: z.number(),
  textBytes: z.number(),
  tokens: z.number(),
  rows: z.number(),
  paddingTokens: z.number(),
});

/** Where a unit's rows lie, one behind the other, and what is left over. */
export const unitIndexSchema = z.strictObject({
  /** In the order they lie: rows of one split, bucket after bucket. */
  segments: z.array(z.strictObject({ split: z.enum(SPLITS), rowsByBucket: z.array(z.number()) })),
  /** Tokens behind the last whole row; they lie behind all rows, train first. */
  tails: z.strictObject({ train: z.number(), validation: z.number() }),
  splits: z.strictObject({ train: countsSchema, validation: countsSchema }),
});

export type UnitIndex = z.infer<typeof unitIndexSchema>;

export interface ShuffleOptions extends RowOptions {
  readonly buckets: number;
  readonly seed: number;
}

/** Takes a unit's rows and tails in their final order in the unit; they are valid until it returns. */
export type TakeIds = (ids: TokenIds) => void;

/** Memory for the rows of one unit at a time; a worker's units use it one after the other. */
export class RowBuffers {
  readonly cutting: Readonly<Record<Split, TokenIds>>;
  #sorted: TokenIds;

  constructor(options: RowOptions) {
    this.cutting = { train: newRowBuffer(options), validation: newRowBuffer(options) };
    this.#sorted = newRowBuffer(options);
  }

  /** Room for so many ids in their sorted order; rows with padding are more ids than went in. */
  sorted(length: number): TokenIds {
    if (this.#sorted.length < length) this.#sorted = newIds(length, this.#sorted instanceof Uint32Array);
    return this.#sorted.subarray(0, length);
  }
}

/**
 * Makes rows of one unit's documents and sorts them by the bucket each falls into. A bucket collects rows of all
 * units; shuffling inside buckets then shuffles the whole corpus.
 */
export class UnitRows {
  readonly #options: ShuffleOptions;
  readonly #unit: number;
  readonly #take: TakeIds;
  readonly #buffers: RowBuffers;
  readonly #cutters: Record<Split, RowCutter>;
  readonly #counts: UnitIndex["splits"];
  readonly #segments: UnitIndex["segments"] = [];

  /** @param unit index of the unit in the corpus: part of what decides a row's bucket */
  constructor(options: ShuffleOptions, unit: number, buffers: RowBuffers, take: TakeIds) {
    this.#options = options;
    this.#unit = unit;
    this.#take = take;
    this.#buffers = buffers;
    const { train, validation } = buffers.cutting;
    this.#cutters = {
      train: createRowCutter(options, train),
      validation: createRowCutter(options, validation),
    };
    const empty = { documents: 0, textBytes: 0, tokens: 0, rows: 0, paddingTokens: 0 };
    this.#counts = { train: { ...empty }, validation: { ...empty } };
  }

  add(split: Split, document: TokenIds, textBytes: number): void {
    const counts = this.#counts[split];
    counts.documents += 1;
    counts.textBytes += textBytes;
    counts.tokens += document.length;
    for (const rows of this.#cutters[split].add(document)) this.#sort(split, rows);
  }

  finish(): UnitIndex {
    for (const split of SPLITS) {
      const cutter = this.#cutters[split];
      this.#sort(split, cutter.finish());
      this.#counts[split].paddingTokens = cutter.paddingTokens;
    }
    const { train, validation } = this.#cutters;
    this.#take(train.tail);
    this.#take(validation.tail);
    return {
      segments: this.#segments,
      tails: { train: train.tail.length, validation: validation.tail.length },
      splits: this.#counts,
    };
  }

  /** Hands on rows of one split, bucket after bucket: a counting sort. */
  #sort(split: Split, rows: TokenIds): void {
    const { buckets, seed, seqLen } = this.#options;
    const count = rows.length / seqLen;
    if (count === 0) return;
    const counts = this.#counts[split];
    const salt = SPLITS.indexOf(split);
    const bucketOf = Uint32Array.from(
      { length: count },
      (_, i) => mix32(seed, salt, this.#unit, counts.rows + i) % buckets,
    );
    counts.rows += count;
    const rowsByBucket = new Array<number>(buckets).fill(0);
    for (const bucket of bucketOf) rowsByBucket[bucket]! += 1;
    const next = startsOf(rowsByBucket);
    const sorted = this.#buffers.sorted(rows.length);
    for (let i = 0; i < count; i++) {
      const place = next[bucketOf[i]!]!++;
      sorted.set(rows.subarray(i * seqLen, (i + 1) * seqLen), place * seqLen);
    }
    this.#take(sorted);
    this.#segments.push({ split, rowsByBucket });
  }
}
