import type { TokenIds } from "../../engine/encoder.ts";
import { newIds, startsOf } from "../shards/ids.ts";
import { SPLITS, type Split } from "../shards/packed-manifest.ts";
import { copiesOf, type GroupMix, isExtra } from "./mix.ts";
import { readScratch, type Scratch } from "./row-sources.ts";
import { permutation } from "./shuffle.ts";
import type { ShuffleOptions } from "./unit-rows.ts";

/** Scratch files read at the same time: what a disk needs to be busy while each is opened for a few rows. */
const READS_AT_ONCE = 8;

/** Rows of each group that the scratch files hold of a split. */
export function countByGroup(split: Split, scratch: readonly Scratch[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { group, splits } of scratch) counts.set(group, (counts.get(group) ?? 0) + splits[split].rows);
  return counts;
}

/** A segment of the split, and where its rows stand in their group. */
interface GroupSegment {
  readonly scratch: Scratch;
  readonly bucketStarts: Uint32Array;
  readonly mix: GroupMix;
  /** Number, within the group, of the segment's first row. */
  readonly groupRow: number;
}

/** Rows of a scratch file that go to one place in memory; `chosen` of them, or all. */
interface Run {
  readonly row: number;
  readonly rows: number;
  readonly chosen: readonly number[] | undefined;
  readonly target: TokenIds;
}

/**
 * All rows of a split in their final order, read bucket by bucket: memory holds one bucket. The k-th copy of a row
 * comes k · buckets / copies buckets after the first, so that repetitions lie as far apart as they can.
 */
export class ShuffledRows {
  readonly rows: number;
  readonly #split: Split;
  readonly #options: ShuffleOptions;
  readonly #segments: readonly GroupSegment[];
  /** Rows of each bucket of the output. */
  readonly #sizes: number[];
  readonly #mixes: ReadonlySet<GroupMix>;
  readonly #ids: TokenIds;
  #loaded: number | undefined;

  /**
   * @param scratch in the order in which the rows of a group are numbered
   * @param mixes how often the rows of each group are written
   */
  constructor(
    split: Split,
    scratch: readonly Scratch[],
    mixes: ReadonlyMap<string, GroupMix>,
    options: ShuffleOptions,
  ) {
    this.#split = split;
    this.#options = options;
    this.#mixes = new Set(mixes.values());
    this.#segments = listSegments(split, scratch, mixes);
    this.#sizes = this.#countSizes();
    this.rows = this.#sizes.reduce((sum, rows) => sum + rows, 0);
    this.#ids = newIds(Math.max(0, ...this.#sizes) * options.seqLen, options.wide);
  }

  /** Rows `from` to `to` (exclusive) of the final order, those of a bucket at a time; they are valid until the next are. */
  async *read(from: number, to: number): AsyncGenerator<Iterable<TokenIds>> {
    const { seed } = this.#options;
    const starts = startsOf(this.#sizes);
    for (const [bucket, count] of this.#sizes.entries()) {
      const start = starts[bucket] as number;
      if (start + count <= from || start >= to) continue;
      await this.#load(bucket);
      const order = permutation(count, seed, SPLITS.indexOf(this.#split), bucket);
      yield this.#inOrder(order.subarray(Math.max(0, from - start), to - start));
    }
  }

  *#inOrder(order: Uint32Array): Generator<TokenIds> {
    const { seqLen } = this.#options;
    for (const row of order) yield this.#ids.subarray(row * seqLen, (row + 1) * seqLen);
  }

  /** Which copies of which source bucket an output bucket takes. */
  *#parts(bucket: number): Generator<{ mix: GroupMix; copy: number; from: number }> {
    const { buckets } = this.#options;
    for (const mix of this.#mixes) {
      const copies = copiesOf(mix);
      for (let copy = 0; copy < copies; copy++) {
        const shift = Math.floor((copy * buckets) / copies);
        yield { mix, copy, from: (bucket + buckets - shift) % buckets };
      }
    }
  }

  #countSizes(): number[] {
    const { buckets } = this.#options;
    const whole = new Map<GroupMix, Float64Array>();
    const chosen = new Map<GroupMix, Float64Array>();
    for (const mix of this.#mixes) {
      whole.set(mix, new Float64Array(buckets));
      chosen.set(mix, new Float64Array(buckets));
    }
    for (const segment of this.#segments) {
      for (let bucket = 0; bucket < buckets; bucket++) {
        whole.get(segment.mix)![bucket]! += rowsIn(segment, bucket);
        if (segment.mix.extra > 0) chosen.get(segment.mix)![bucket]! += this.#chosen(segment, bucket).length;
      }
    }
    return Array.from({ length: buckets }, (_, bucket) => {
      let size = 0;
      for (const { mix, copy, from } of this.#parts(bucket)) {
        size += (copy < mix.base ? whole : chosen).get(mix)![from]!;
      }
      return size;
    });
  }

  /** The rows of a segment's bucket that are written once more than the others, by their place in it. */
  #chosen(segment: GroupSegment, bucket: number): number[] {
    const { mix, bucketStarts, groupRow } = segment;
    const first = groupRow + bucketStarts[bucket]! - bucketStarts[0]!;
    const places: number[] = [];
    for (let i = 0; i < rowsIn(segment, bucket); i++) {
      if (isExtra(mix, first + i, this.#options.seed)) places.push(i);
    }
    return places;
  }

  async #load(bucket: number): Promise<void> {
    if (this.#loaded === bucket) return;
    this.#loaded = undefined;
    const pending = this.#listRuns(bucket).entries();
    await Promise.all(
      Array.from({ length: READS_AT_ONCE }, async () => {
        for (const [scratch, runs] of pending) await this.#readRuns(scratch, runs);
      }),
    );
    this.#loaded = bucket;
  }

  /** What a bucket takes of each scratch file, and the places in memory for it. */
  #listRuns(bucket: number): Map<Scratch, Run[]> {
    const { seqLen } = this.#options;
    const lists = new Map<Scratch, Run[]>();
    let filled = 0;
    for (const { mix, copy, from } of this.#parts(bucket)) {
      for (const segment of this.#segments) {
        const rows = segment.mix === mix ? rowsIn(segment, from) : 0;
        const chosen = rows > 0 && copy >= mix.base ? this.#chosen(segment, from) : undefined;
        const taken = chosen?.length ?? rows;
        if (taken === 0) continue;
        const target = this.#ids.subarray(filled * seqLen, (filled + taken) * seqLen);
        filled += taken;
        const list = lists.get(segment.scratch) ?? [];
        list.push({ row: segment.bucketStarts[from]!, rows, chosen, target });
        lists.set(segment.scratch, list);
      }
    }
    return lists;
  }

  async #readRuns(scratch: Scratch, runs: readonly Run[]): Promise<void> {
    const { seqLen, wide } = this.#options;
    await readScratch(scratch, async (reader) => {
      for (const { row, rows, chosen, target } of runs) {
        if (chosen === undefined) {
          await reader.read(row * seqLen, target);
          continue;
        }
        const all = newIds(rows * seqLen, wide); // one read, even where few of its rows are taken
        await reader.read(row * seqLen, all);
        for (const [i, place] of chosen.entries())
          target.set(all.subarray(place * seqLen, (place + 1) * seqLen), i * seqLen);
      }
    });
  }
}

const rowsIn = ({ bucketStarts }: GroupSegment, bucket: number): number =>
  bucketStarts[bucket + 1]! - bucketStarts[bucket]!;

/** The segments of a split, the rows of each group numbered in the order of the scratch files. */
function listSegments(
  split: Split,
  scratch: readonly Scratch[],
  mixes: ReadonlyMap<string, GroupMix>,
): GroupSegment[] {
  const groupRows = new Map<string, number>();
  const segments: GroupSegment[] = [];
  for (const source of scratch) {
    const mix = mixes.get(source.group)!;
    for (const { split: own, bucketStarts } of source.segments) {
      if (own !== split) continue;
      const groupRow = groupRows.get(source.group) ?? 0;
      segments.push({ scratch: source, bucketStarts, mix, groupRow });
      groupRows.set(source.group, groupRow + bucketStarts.at(-1)! - bucketStarts[0]!);
    }
  }
  return segments;
}
