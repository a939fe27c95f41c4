import { open } from "node:fs/promises";
import type { TokenIds } from "../engine/encoder.ts";
import { readFully } from "./arrow-layout.ts";
import { bytesOf, newIds } from "./ids.ts";
import type { Split } from "./packed-manifest.ts";
import type { ShuffleOptions, UnitIndex } from "./unit-rows.ts";

/** A finished unit: its scratch file, what lies where in it, and the group of its texts. */
export interface Scratch {
  readonly path: string;
  readonly group: string;
  readonly index: UnitIndex;
}

/** Rows of one split, sorted by bucket: those of a unit, or those made of the tails of a group. */
export interface RowSource {
  readonly group: string;
  /** Row number, within the source's store, that each segment begins at, and its rows by bucket. */
  readonly segments: readonly { readonly start: number; readonly rowsByBucket: readonly number[] }[];
  readonly open: () => Promise<RowReader>;
}

export interface RowReader {
  /** Fills `target` with the rows from number `row` on. */
  read(row: number, target: TokenIds): Promise<void>;
  close(): Promise<void>;
}

/** What units leave over, joined group by group, and what of it is too short for a row. */
export interface Sources {
  readonly sources: readonly RowSource[];
  readonly droppedTokens: number;
}

/** The rows of a split from all units, in the order of the units, then those of the tails. */
export async function openSources(
  split: Split,
  scratch: readonly Scratch[],
  options: ShuffleOptions,
): Promise<Sources> {
  const sources = scratch.map((unit) => unitSource(split, unit, options));
  const tails = await joinTails(split, scratch, options);
  const rows = tails.entries().map(([group, ids]) => tailSource(group, ids, options));
  const droppedTokens = tails.values().reduce((sum, ids) => sum + (ids.length % options.seqLen), 0);
  return { sources: [...sources, ...rows], droppedTokens };
}

function unitSource(split: Split, { path, group, index }: Scratch, { seqLen }: ShuffleOptions): RowSource {
  const segments: { start: number; rowsByBucket: readonly number[] }[] = [];
  let start = 0;
  for (const segment of index.segments) {
    if (segment.split === split) segments.push({ start, rowsByBucket: segment.rowsByBucket });
    start += segment.rowsByBucket.reduce((sum, rows) => sum + rows, 0);
  }
  return {
    group,
    segments,
    open: async () => {
      const handle = await open(path, "r");
      return {
        read: (row, target) =>
          readFully(handle, path, bytesOf(target), row * seqLen * target.BYTES_PER_ELEMENT),
        close: () => handle.close(),
      };
    },
  };
}

/** Tails are few; their rows are in memory and lie in the last bucket. */
function tailSource(group: string, ids: TokenIds, { seqLen, buckets }: ShuffleOptions): RowSource {
  const rowsByBucket = new Array<number>(buckets).fill(0);
  rowsByBucket[buckets - 1] = Math.floor(ids.length / seqLen);
  return {
    group,
    segments: [{ start: 0, rowsByBucket }],
    open: async () => ({
      read: async (row, target) => target.set(ids.subarray(row * seqLen, row * seqLen + target.length)),
      close: async () => undefined,
    }),
  };
}

async function joinTails(
  split: Split,
  scratch: readonly Scratch[],
  { seqLen, wide }: ShuffleOptions,
): Promise<Map<string, TokenIds>> {
  const lengths = new Map<string, number>();
  for (const { group, index } of scratch) {
    lengths.set(group, (lengths.get(group) ?? 0) + index.tails[split]);
  }
  const tails = new Map(lengths.entries().map(([group, length]) => [group, newIds(length, wide)]));
  const filled = new Map<string, number>();
  for (const { path, group, index } of scratch) {
    const length = index.tails[split];
    if (length === 0) continue;
    const start = filled.get(group) ?? 0;
    const rows = index.splits.train.rows + index.splits.validation.rows;
    const handle = await open(path, "r");
    try {
      const place = rows * seqLen + (split === "train" ? 0 : index.tails.train);
      const tail = bytesOf(tails.get(group)!.subarray(start, start + length));
      await readFully(handle, path, tail, place * (wide ? 4 : 2));
    } finally {
      await handle.close();
    }
    filled.set(group, start + length);
  }
  return tails;
}
