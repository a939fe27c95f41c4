import { createRandom, randomPermutation } from "../model/random.ts";
import type { TokenIds } from "../tokenizer/engine/encoder.ts";
import { newIds } from "../tokenizer/pack/ids.ts";
import type { PackedShard, Split } from "../tokenizer/pack/packed-manifest.ts";
import { PackedShardFile } from "../tokenizer/pack/packed-shard.ts";
import { type PackedData, rowsOf, shardsOf } from "./packed-data.ts";

/** Where in the data a run stands: the next row to read is number `row` of pass `epoch`, both from 0. */
export interface Cursor {
  readonly epoch: number;
  readonly row: number;
}

/** One of several processes that train together: each takes its own part of every batch. */
export interface Rank {
  readonly rank: number;
  readonly worldSize: number;
}

const ALONE: Rank = { rank: 0, worldSize: 1 };

/** One pass over a split: the order of its shards, each with its first row number in the pass. */
interface Pass {
  readonly epoch: number;
  readonly order: readonly { readonly shard: number; readonly firstRow: number }[];
}

/** The open shard, and the order in which a pass visits its rows; its stored order when undefined. */
interface OpenShard {
  readonly epoch: number;
  readonly shard: number;
  readonly file: PackedShardFile;
  readonly rowOrder: Uint32Array | undefined;
}

/** Rows that lie behind each other in a shard, and where in the batch they go. */
interface Run {
  readonly row: number;
  readonly index: number;
  rows: number;
}

/**
 * Reads rows in an order that depends on the seed and the pass alone, from any cursor on. The first pass is the stored
 * order, which packing has shuffled; later ones shuffle the shards, and the rows within each, anew. Rows are read at
 * their place in the file, straight into the batch, and the next batch is read while this one is trained on.
 */
export class RowLoader {
  /** Rows of one pass, for all ranks together. */
  readonly rows: number;
  readonly #data: PackedData;
  readonly #shards: readonly PackedShard[];
  readonly #seed: number;
  readonly #rank: Rank;
  #cursor: Cursor;
  #pass: Pass | undefined;
  #open: OpenShard | undefined;
  #ahead: { readonly count: number; readonly batch: Promise<TokenIds> } | undefined;
  /** The batch given last but one, to be filled again: fresh memory costs more than reading does. */
  #spare: TokenIds | undefined;
  #given: TokenIds | undefined;

  constructor(
    data: PackedData,
    split: Split,
    seed: number,
    cursor: Cursor = { epoch: 0, row: 0 },
    rank: Rank = ALONE,
  ) {
    if (!(rank.rank >= 0 && rank.rank < rank.worldSize))
      throw new RangeError(`rank ${rank.rank} of ${rank.worldSize}`);
    this.rows = rowsOf(data, split);
    this.#data = data;
    this.#shards = shardsOf(data, split);
    this.#seed = seed;
    this.#cursor = cursor;
    this.#rank = rank;
  }

  /** The same on all ranks that have read the same number of batches. */
  get cursor(): Cursor {
    return this.#cursor;
  }

  /**
   * The next `count` rows of this rank, count · seqLen ids, going on with the next pass where one ends. All ranks
   * together read the next count · worldSize rows, each its own of them.
   *
   * @returns ids that stay valid until the next call
   * @throws UserError naming shard and row when a row is damaged
   */
  async next(count: number): Promise<TokenIds> {
    if (this.rows === 0) throw new Error("the split has no rows");
    const batch = await this.#take(count);
    this.#spare = this.#given;
    this.#given = batch;
    this.#cursor = this.#advance(this.#cursor, count * this.#rank.worldSize);
    this.#ahead = { count, batch: this.#read(count) };
    this.#ahead.batch.catch(() => undefined); // whoever asks for the batch gets the failure
    return batch;
  }

  /** Closes the open shard; a batch read ahead is dropped. */
  async close(): Promise<void> {
    await this.#ahead?.batch.catch(() => undefined);
    this.#ahead = undefined;
    await this.#open?.file.close();
    this.#open = undefined;
  }

  async #take(count: number): Promise<TokenIds> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead?.count === count) return await ahead.batch;
    await ahead?.batch.catch(() => undefined); // one read at a time: they share the open shard
    return await this.#read(count);
  }

  /** Reads this rank's part of the batch at the cursor. */
  async #read(count: number): Promise<TokenIds> {
    const { seqLen, dtype } = this.#data;
    const spare = this.#spare?.length === count * seqLen ? this.#spare : undefined;
    this.#spare = undefined;
    const batch = spare ?? newIds(count * seqLen, dtype === "uint32");
    let { epoch, row } = this.#advance(this.#cursor, this.#rank.rank * count);
    for (let index = 0; index < count; ) {
      const { file, firstRow, rowOrder } = await this.#locate(epoch, row);
      const rows = Math.min(count - index, firstRow + file.rows - row);
      const runs = listRuns(row - firstRow, rows, index, rowOrder);
      await Promise.all(
        runs.map((run) =>
          file.read(run.row, run.rows, batch.subarray(run.index * seqLen, (run.index + run.rows) * seqLen)),
        ),
      );
      index += rows;
      ({ epoch, row } = this.#advance({ epoch, row }, rows));
    }
    return batch;
  }

  #advance({ epoch, row }: Cursor, rows: number): Cursor {
    const passed = row + rows;
    return { epoch: epoch + Math.floor(passed / this.rows), row: passed % this.rows };
  }

  /** The shard that holds a row of a pass. */
  async #locate(epoch: number, row: number) {
    if (this.#pass?.epoch !== epoch) this.#pass = this.#planPass(epoch);
    const { shard, firstRow } = this.#pass.order.findLast((entry) => entry.firstRow <= row)!;
    const described = this.#shards[shard]!;
    if (this.#open?.shard !== shard) {
      await this.#open?.file.close();
      this.#open = undefined;
    }
    if (this.#open?.epoch !== epoch) {
      const file = this.#open?.file ?? (await PackedShardFile.open(this.#data.folder, this.#data, described));
      const random = this.#random(epoch, described.file);
      const rowOrder = epoch === 0 ? undefined : randomPermutation(random, described.rows);
      this.#open = { epoch, shard, file, rowOrder };
    }
    const { file, rowOrder } = this.#open;
    return { file, firstRow, rowOrder };
  }

  #planPass(epoch: number): Pass {
    const stored = Array.from(this.#shards.keys());
    const order = epoch === 0 ? stored : randomPermutation(this.#random(epoch, "shards"), stored.length);
    let rows = 0;
    const entries = Array.from(order, (shard) => {
      const firstRow = rows;
      rows += this.#shards[shard]!.rows;
      return { shard, firstRow };
    });
    return { epoch, order: entries };
  }

  #random(epoch: number, name: string) {
    return createRandom(this.#seed, `data order, pass ${epoch}, ${name}`);
  }
}

/** The rows number `from` … `from + rows − 1` of a shard's order, joined where they lie behind each other. */
function listRuns(from: number, rows: number, index: number, rowOrder: Uint32Array | undefined): Run[] {
  if (rowOrder === undefined) return [{ row: from, rows, index }];
  const runs: Run[] = [];
  for (let i = 0; i < rows; i++) {
    const row = rowOrder[from + i]!;
    const last = runs.at(-1);
    if (last !== undefined && last.row + last.rows === row) last.rows += 1;
    else runs.push({ row, rows: 1, index: index + i });
  }
  return runs;
}
