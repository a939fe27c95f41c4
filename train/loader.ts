import { createRandom, randomPermutation } from "../model/random.ts";
import type { Split } from "../tokenizer/pack/packed-manifest.ts";
import { type PackedData, readShard, rowsOf, shardsOf, type TokenRows } from "./packed-data.ts";

/** Where in the data a run stands: the next row to read is number `row` of pass `epoch`, both from 0. */
export interface Cursor {
  readonly epoch: number;
  readonly row: number;
}

/** One pass over a split: the order of its shards, each with its first row number in the pass. */
interface Pass {
  readonly epoch: number;
  readonly order: readonly { readonly shard: number; readonly firstRow: number }[];
}

/** The shard in memory: its ids and the order in which its rows are visited. */
interface LoadedShard {
  readonly epoch: number;
  readonly shard: number;
  readonly ids: TokenRows;
  readonly rowOrder: Uint32Array | undefined;
}

/**
 * Reads rows in an order that depends on the seed and the pass alone, from any cursor on. The first pass is the stored
 * order, which packing has shuffled; later ones shuffle the shards, and the rows within each, anew. One shard is in
 * memory at a time.
 */
export class RowLoader {
  readonly rows: number;
  readonly #data: PackedData;
  readonly #split: Split;
  readonly #seed: number;
  #cursor: Cursor;
  #pass: Pass | undefined;
  #loaded: LoadedShard | undefined;

  constructor(data: PackedData, split: Split, seed: number, cursor: Cursor = { epoch: 0, row: 0 }) {
    this.rows = rowsOf(data, split);
    this.#data = data;
    this.#split = split;
    this.#seed = seed;
    this.#cursor = cursor;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /** The next `count` rows, count · seqLen ids, going on with the next pass where one ends. */
  async next(count: number): Promise<TokenRows> {
    const { seqLen, dtype } = this.#data;
    const batch = new (dtype === "uint16" ? Uint16Array : Uint32Array)(count * seqLen);
    for (let index = 0; index < count; index++) {
      const { ids, row } = await this.#locate(this.#cursor);
      batch.set(ids.subarray(row * seqLen, (row + 1) * seqLen), index * seqLen);
      const { epoch, row: passed } = this.#cursor;
      this.#cursor = passed + 1 === this.rows ? { epoch: epoch + 1, row: 0 } : { epoch, row: passed + 1 };
    }
    return batch;
  }

  /** The shard that holds the cursor's row, and the row's place in it. */
  async #locate({ epoch, row }: Cursor): Promise<{ ids: TokenRows; row: number }> {
    if (this.#pass?.epoch !== epoch) this.#pass = this.#planPass(epoch);
    const entry = this.#pass.order.findLast(({ firstRow }) => firstRow <= row);
    if (entry === undefined) throw new Error(`row ${row} of an empty split`);
    const { shard, firstRow } = entry;
    if (this.#loaded?.epoch !== epoch || this.#loaded.shard !== shard) {
      this.#loaded = await this.#load(epoch, shard);
    }
    const { ids, rowOrder } = this.#loaded;
    return { ids, row: rowOrder?.[row - firstRow] ?? row - firstRow };
  }

  #planPass(epoch: number): Pass {
    const shards = shardsOf(this.#data, this.#split);
    const stored = Array.from(shards.keys());
    const order = epoch === 0 ? stored : randomPermutation(this.#random(epoch, "shards"), shards.length);
    let rows = 0;
    const entries = Array.from(order, (shard) => {
      const firstRow = rows;
      rows += shards[shard]!.rows;
      return { shard, firstRow };
    });
    return { epoch, order: entries };
  }

  async #load(epoch: number, shard: number): Promise<LoadedShard> {
    const described = shardsOf(this.#data, this.#split)[shard]!;
    const ids = await readShard(this.#data, described);
    const random = this.#random(epoch, described.file);
    return {
      epoch,
      shard,
      ids,
      rowOrder: epoch === 0 ? undefined : randomPermutation(random, described.rows),
    };
  }

  #random(epoch: number, name: string) {
    return createRandom(this.#seed, `data order, pass ${epoch}, ${name}`);
  }
}
