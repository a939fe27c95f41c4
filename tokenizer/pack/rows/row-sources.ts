import { open } from "node:fs/promises";
import type { TokenIds } from "../../engine/encoder.ts";
import { readFully } from "../shards/arrow-layout.ts";
import { bytesOf } from "../shards/ids.ts";
import type { Split } from "../shards/packed-manifest.ts";
import type { UnitIndex } from "./unit-rows.ts";

/** Rows of one split that lie one behind the other in a scratch file, sorted by bucket. */
export interface Segment {
  readonly split: Split;
  /** Row number in the file that each bucket begins at, and that the last one ends at: 4 bytes a bucket. */
  readonly bucketStarts: Uint32Array;
}

/** A scratch file of rows and tails, of a unit or of what the units of a group left over. */
export interface Scratch {
  readonly path: string;
  /** Group of its texts. */
  readonly group: string;
  readonly segments: readonly Segment[];
  readonly tails: UnitIndex["tails"];
  readonly splits: UnitIndex["splits"];
}

/** What a unit's index says, in the form that is kept of every unit: a corpus of 285 GB has 18,000 of them. */
export function describeScratch(
  path: string,
  group: string,
  { segments, tails, splits }: UnitIndex,
): Scratch {
  let row = 0;
  const described = segments.map(({ split, rowsByBucket }) => {
    const bucketStarts = new Uint32Array(rowsByBucket.length + 1);
    for (const [bucket, rows] of rowsByBucket.entries()) {
      bucketStarts[bucket] = row;
      row += rows;
    }
    bucketStarts[rowsByBucket.length] = row;
    return { split, bucketStarts };
  });
  return { path, group, segments: described, tails, splits };
}

export interface RowReader {
  /** Fills `target` with the ids from number `place` on, rows and tails counted alike. */
  read(place: number, target: TokenIds): Promise<void>;
}

/** Opens a scratch file for as long as `use` takes. */
export async function readScratch(
  { path }: Scratch,
  use: (reader: RowReader) => Promise<void>,
): Promise<void> {
  const handle = await open(path, "r");
  try {
    await use({
      read: (place, target) => readFully(handle, path, bytesOf(target), place * target.BYTES_PER_ELEMENT),
    });
  } finally {
    await handle.close();
  }
}
