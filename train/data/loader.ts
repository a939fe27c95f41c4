import type { TokenIds } from "../../tokenizer/engine/encoder.ts";
import { newIds } from "../../tokenizer/pack/shards/ids.ts";
import type { Split } from "../../tokenizer/pack/shards/packed-manifest.ts";
import { type PackedData, shardsOf } from "./packed-data.ts";
import { type Cursor, RowOrder, type RowWindow } from "./row-order.ts";
import { type LoadedWindow, WindowCache } from "./window-cache.ts";

/** One of several processes that train together: each takes its own part of every batch. */
export interface Rank {
  readonly rank: number;
  readonly worldSize: number;
}

const ALONE: Rank = { rank: 0, worldSize: 1 };

/**
 * Reads rows in an order that depends on the seed and the pass alone (see `RowOrder`), from any cursor on. The rows
 * that come next are read while these are trained on; each row is checked when it is given out.
 */
export class RowLoader {
  /** Rows of one pass, for all ranks together. */
  readonly rows: number;
  readonly #data: PackedData;
  readonly #order: RowOrder;
  readonly #cache: WindowCache;
  readonly #rank: Rank;
  #cursor: Cursor;
  #current: LoadedWindow | undefined;
  /** The window that the windows being read follow. */
  #aheadOf: string | undefined;
  /** Settles when what was forgotten is closed. */
  #kept: Promise<unknown> = Promise.resolve();
  /** The batch given last, to be filled again: fresh memory costs more than filling it does. */
  #batch: TokenIds | undefined;

  constructor(
    data: PackedData,
    split: Split,
    seed: number,
    cursor: Cursor = { epoch: 0, row: 0 },
    rank: Rank = ALONE,
  ) {
    if (!(rank.rank >= 0 && rank.rank < rank.worldSize))
      throw new RangeError(`rank ${rank.rank} of ${rank.worldSize}`);
    this.#data = data;
    this.#order = new RowOrder(shardsOf(data, split), data.seqLen * (data.dtype === "uint32" ? 4 : 2), seed);
    this.#cache = new WindowCache(data, this.#order);
    this.#rank = rank;
    this.#cursor = cursor;
    this.rows = this.#order.rows;
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
    const { seqLen, dtype } = this.#data;
    const { rank, worldSize } = this.#rank;
    if (this.#batch?.length !== count * seqLen) this.#batch = newIds(count * seqLen, dtype === "uint32");
    const batch = this.#batch;
    let place = this.#order.advance(this.#cursor, rank * count);
    for (let index = 0; index < count; ) {
      if (!contains(this.#current, place)) this.#current = await this.#cache.get(this.#order.windowAt(place));
      const { firstRow, rows } = this.#current!;
      const taken = Math.min(count - index, firstRow + rows - place.row);
      this.#copy(
        this.#current!,
        place.row - firstRow,
        batch.subarray(index * seqLen, (index + taken) * seqLen),
      );
      index += taken;
      place = this.#order.advance(place, taken);
    }
    this.#cursor = this.#order.advance(this.#cursor, count * worldSize);
    this.#readAhead(this.#order.advance(this.#cursor, rank * count), count);
    return batch;
  }

  /** Ends reading ahead and closes the shards. */
  async close(): Promise<void> {
    this.#current = undefined;
    this.#aheadOf = undefined;
    await this.#kept;
    await this.#cache.keep([]);
  }

  /** Copies rows of a window, from its row number `from` on, and checks them. */
  #copy({ file, ids, places, chunks }: LoadedWindow, from: number, target: TokenIds): void {
    const { seqLen } = this.#data;
    const { chunkRows } = this.#order;
    if (places === undefined) target.set(ids.subarray(from * seqLen, from * seqLen + target.length));
    for (let start = 0, row = from; start < target.length; start += seqLen, row++) {
      const place = places?.[row] ?? row;
      if (places !== undefined) target.set(ids.subarray(place * seqLen, (place + 1) * seqLen), start);
      const chunk = chunks[Math.floor(place / chunkRows)]!;
      file.check(chunk.row + (place % chunkRows), target.subarray(start, start + seqLen));
    }
  }

  /** Has the windows of the next batch read, and the one after them. */
  #readAhead(from: Cursor, count: number): void {
    const last = this.#order.advance(from, count - 1);
    const isThere = contains(this.#current, from) && contains(this.#current, last);
    if (isThere && this.#aheadOf === this.#current?.key) return;
    const windows: RowWindow[] = [];
    let place = from;
    for (let left = count; left > 0; ) {
      const window = this.#order.windowAt(place);
      windows.push(window);
      const rest = window.firstRow + window.rows - place.row;
      place = this.#order.advance(place, rest);
      left -= rest;
    }
    windows.push(this.#order.windowAt(place));
    this.#aheadOf = windows[0]?.key;
    if (this.#aheadOf !== this.#current?.key) this.#current = undefined; // its memory will be another's
    this.#kept = Promise.all([this.#kept, this.#cache.keep(windows)]);
  }
}

/** Whether a window holds a row of a pass. */
function contains(window: RowWindow | undefined, { epoch, row }: Cursor): boolean {
  return (
    window !== undefined &&
    window.epoch === epoch &&
    row >= window.firstRow &&
    row < window.firstRow + window.rows
  );
}
