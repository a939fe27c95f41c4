import { createRandom, randomPermutation } from "../../model/random.ts";
import type { PackedShard } from "../../tokenizer/pack/shards/packed-manifest.ts";

/** Where in the data a run stands: the next row to read is number `row` of pass `epoch`, both from 0. */
export interface Cursor {
  readonly epoch: number;
  readonly row: number;
}

/** Rows that lie behind each other in a shard and are read at once, so that a row costs no system call of its own. */
interface Chunk {
  readonly row: number;
  readonly rows: number;
}

/** Rows that follow each other in a pass and are in memory together. */
export interface RowWindow {
  /** Names the window in its split. */
  readonly key: string;
  readonly epoch: number;
  readonly shard: PackedShard;
  /** Number, in the pass, of its first row. */
  readonly firstRow: number;
  readonly rows: number;
  readonly chunks: readonly Chunk[];
}

/** Bytes read at once, and bytes of a window: in memory are the window being used and the next. */
const CHUNK_BYTES = 256 << 10;
const WINDOW_BYTES = 4 << 20;

/**
 * The order in which passes visit the rows of a split; the seed and the pass alone decide it. The first pass is the
 * stored order, which packing has shuffled. Later ones visit the shards, and the chunks of each, in another order, and
 * shuffle the rows of each window: neighbours, already random, meet again in one window but not in one order.
 */
export class RowOrder {
  /** Rows of one pass. */
  readonly rows: number;
  /** Rows that a chunk, and a window, has room for. */
  readonly chunkRows: number;
  readonly windowRows: number;
  readonly #shards: readonly PackedShard[];
  readonly #seed: number;
  /** Windows of the parts of passes that were asked for last, by pass and shard. */
  readonly #windows = new Map<string, readonly RowWindow[]>();

  constructor(shards: readonly PackedShard[], rowBytes: number, seed: number) {
    this.rows = shards.reduce((sum, { rows }) => sum + rows, 0);
    this.chunkRows = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
    this.windowRows = this.chunkRows * (WINDOW_BYTES / CHUNK_BYTES);
    this.#shards = shards;
    this.#seed = seed;
  }

  advance({ epoch, row }: Cursor, rows: number): Cursor {
    const passed = row + rows;
    return { epoch: epoch + Math.floor(passed / this.rows), row: passed % this.rows };
  }

  /** The window that holds a row of a pass. */
  windowAt({ epoch, row }: Cursor): RowWindow {
    const order = this.#shardOrder(epoch);
    let firstRow = 0;
    let shard = this.#shards[order[0]!]!;
    for (let i = 1; firstRow + shard.rows <= row; i++) {
      firstRow += shard.rows;
      shard = this.#shards[order[i]!]!;
    }
    const key = `${epoch} ${shard.file}`;
    const windows = this.#windows.get(key) ?? this.#cut(epoch, shard, firstRow);
    this.#windows.set(key, windows);
    if (this.#windows.size > 2) this.#windows.delete(this.#windows.keys().next().value!);
    return windows.findLast((window) => window.firstRow <= row)!;
  }

  /**
   * Where in a window's memory, chunk after chunk with room for whole ones, each of its rows lies; undefined when they
   * lie there in order.
   */
  placesIn({ epoch, shard, firstRow, rows, chunks }: RowWindow): Uint32Array | undefined {
    if (epoch === 0) return undefined;
    const places = chunks.flatMap((chunk, i) =>
      Array.from({ length: chunk.rows }, (_, row) => i * this.chunkRows + row),
    );
    const order = this.#shuffled(rows, epoch, `${shard.file} from ${firstRow}`);
    return order.map((i) => places[i]!);
  }

  #shardOrder(epoch: number): ArrayLike<number> {
    if (epoch === 0) return Array.from(this.#shards.keys());
    return this.#shuffled(this.#shards.length, epoch, "shards");
  }

  #cut(epoch: number, shard: PackedShard, firstRow: number): RowWindow[] {
    const count = Math.ceil(shard.rows / this.chunkRows);
    const order = epoch === 0 ? undefined : this.#shuffled(count, epoch, shard.file);
    const windows: RowWindow[] = [];
    const perWindow = this.windowRows / this.chunkRows;
    for (let first = firstRow, from = 0; from < count; from += perWindow) {
      const chunks = Array.from({ length: Math.min(perWindow, count - from) }, (_, i): Chunk => {
        const row = (order?.[from + i] ?? from + i) * this.chunkRows;
        return { row, rows: Math.min(this.chunkRows, shard.rows - row) };
      });
      const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
      windows.push({ key: `${epoch} ${first}`, epoch, shard, firstRow: first, rows, chunks });
      first += rows;
    }
    return windows;
  }

  #shuffled(length: number, epoch: number, name: string): Uint32Array {
    return randomPermutation(createRandom(this.#seed, `data order, pass ${epoch}, ${name}`), length);
  }
}
