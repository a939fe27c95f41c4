import type { TokenIds } from "../engine/encoder.ts";
import { newIds, startsOf } from "./ids.ts";
import { copiesOf, type GroupMix, isExtra } from "./mix.ts";
import { SPLITS, type Split } from "./packed-manifest.ts";
import type { RowReader, RowSource } from "./row-sources.ts";
import { permutation } from "./shuffle.ts";
import type { ShuffleOptions } from "./unit-rows.ts";

/** Rows of each group that the sources hold. */
export function countByGroup(sources: readonly RowSource[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { group, segments } of sources) {
    const rows = segments.reduce((sum, { rowsByBucket }) => sum + rowsByBucket.reduce((a, b) => a + b, 0), 0);
    counts.set(group, (counts.get(group) ?? 0) + rows);
  }
  return counts;
}

/** Part of one bucket of one source, and what of it is written to which bucket of the output. */
interface Run {
  readonly source: RowSource;
  /** First row in the source's store. */
  readonly row: number;
  readonly rows: number;
  /** Number of the first row in its group. */
  readonly groupRow: number;
  readonly mix: GroupMix;
}

/**
 * All rows of a split in their final order, read bucket by bucket: memory holds one bucket. The k-th copy of a row
 * comes k · buckets / copies buckets after the first, so that repetitions lie as far apart as they can.
 */
export class ShuffledRows {
  readonly rows: number;
  readonly #split: Split;
  readonly #options: ShuffleOptions;
  /** The runs of each bucket of the sources. */
  readonly #runs: Run[][];
  /** Rows of each bucket of the output. */
  readonly #sizes: number[];
  readonly #mixes: ReadonlySet<GroupMix>;
  readonly #ids: TokenIds;
  #loaded: number | undefined;

  /** @param mixes how often the rows of each group are written */
  constructor(
    split: Split,
    sources: readonly RowSource[],
    mixes: ReadonlyMap<string, GroupMix>,
    options: ShuffleOptions,
  ) {
    this.#split = split;
    this.#options = options;
    this.#mixes = new Set(mixes.values());
    this.#runs = listRuns(sources, mixes, options.buckets);
    this.#sizes = this.#countSizes();
    this.rows = this.#sizes.reduce((sum, rows) => sum + rows, 0);
    this.#ids = newIds(Math.max(0, ...this.#sizes) * options.seqLen, options.wide);
  }

  /** Rows `from` to `to` (exclusive) of the final order; each is valid until the next. */
  async *read(from: number, to: number): AsyncGenerator<TokenIds> {
    const { seqLen, seed } = this.#options;
    const starts = startsOf(this.#sizes);
    for (const [bucket, count] of this.#sizes.entries()) {
      const start = starts[bucket] as number;
      if (start + count <= from || start >= to) continue;
      await this.#load(bucket);
      const order = permutation(count, seed, SPLITS.indexOf(this.#split), bucket);
      for (let i = Math.max(0, from - start); i < Math.min(count, to - start); i++) {
        const row = order[i] as number;
        yield this.#ids.subarray(row * seqLen, (row + 1) * seqLen);
      }
    }
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
    const whole = this.#runs.map((runs) => countRuns(runs, (run) => run.rows));
    const chosen = this.#runs.map((runs) => countRuns(runs, (run) => this.#chosen(run).length));
    return this.#runs.map((_, bucket) => {
      let size = 0;
      for (const { mix, copy, from } of this.#parts(bucket)) {
        size += (copy < mix.base ? whole : chosen)[from]?.get(mix) ?? 0;
      }
      return size;
    });
  }

  /** The rows of a run that are written once more than the others, by their place in it. */
  #chosen({ mix, groupRow, rows }: Run): number[] {
    const places: number[] = [];
    if (mix.extra === 0) return places;
    for (let i = 0; i < rows; i++) {
      if (isExtra(mix, groupRow + i, this.#options.seed)) places.push(i);
    }
    return places;
  }

  async #load(bucket: number): Promise<void> {
    if (this.#loaded === bucket) return;
    this.#loaded = undefined;
    const { seqLen, wide } = this.#options;
    let filled = 0;
    for (const { mix, copy, from } of this.#parts(bucket)) {
      const runs = (this.#runs[from] as Run[]).filter((run) => run.mix === mix);
      for await (const { run, reader } of withReaders(runs)) {
        const target = this.#ids.subarray(filled, filled + run.rows * seqLen);
        if (copy < mix.base) {
          await reader.read(run.row, target);
          filled += target.length;
          continue;
        }
        const chosen = this.#chosen(run);
        if (chosen.length === 0) continue;
        const all = newIds(run.rows * seqLen, wide); // one read, even where few of its rows are taken
        await reader.read(run.row, all);
        for (const place of chosen) {
          this.#ids.set(all.subarray(place * seqLen, (place + 1) * seqLen), filled);
          filled += seqLen;
        }
      }
    }
    this.#loaded = bucket;
  }
}

/** The runs of every bucket, rows of a group numbered in the order of the sources. */
function listRuns(
  sources: readonly RowSource[],
  mixes: ReadonlyMap<string, GroupMix>,
  buckets: number,
): Run[][] {
  const runs = Array.from({ length: buckets }, (): Run[] => []);
  const groupRows = new Map<string, number>();
  for (const source of sources) {
    const mix = mixes.get(source.group)!;
    let groupRow = groupRows.get(source.group) ?? 0;
    for (const { start, rowsByBucket } of source.segments) {
      let row = start;
      for (const [bucket, rows] of rowsByBucket.entries()) {
        if (rows > 0) runs[bucket]!.push({ source, row, rows, groupRow, mix });
        row += rows;
        groupRow += rows;
      }
    }
    groupRows.set(source.group, groupRow);
  }
  return runs;
}

function countRuns(runs: readonly Run[], count: (run: Run) => number): Map<GroupMix, number> {
  const counts = new Map<GroupMix, number>();
  for (const run of runs) counts.set(run.mix, (counts.get(run.mix) ?? 0) + count(run));
  return counts;
}

/** Runs with a reader of their source; runs of one source follow each other, and one source is open at a time. */
async function* withReaders(runs: readonly Run[]): AsyncGenerator<{ run: Run; reader: RowReader }> {
  let opened: { source: RowSource; reader: RowReader } | undefined;
  try {
    for (const run of runs) {
      if (opened?.source !== run.source) {
        await opened?.reader.close();
        opened = undefined;
        opened = { source: run.source, reader: await run.source.open() };
      }
      yield { run, reader: opened.reader };
    }
  } finally {
    await opened?.reader.close();
  }
}
