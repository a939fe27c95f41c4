import type { TokenIds } from "../../tokenizer/engine/encoder.ts";
import { newIds } from "../../tokenizer/pack/shards/ids.ts";
import { PackedShardFile } from "../../tokenizer/pack/shards/packed-shard.ts";
import type { PackedData } from "./packed-data.ts";
import type { RowOrder, RowWindow } from "./row-order.ts";

/** A window whose rows are in memory, not checked yet. */
export interface LoadedWindow extends RowWindow {
  readonly file: PackedShardFile;
  readonly ids: TokenIds;
  /** See `RowOrder.placesIn`. */
  readonly places: Uint32Array | undefined;
}

/**
 * The windows a loader needs now and next, read by the threads of libuv while the main thread trains, each chunk
 * straight into its place.
 */
export class WindowCache {
  readonly #data: PackedData;
  readonly #order: RowOrder;
  readonly #windows = new Map<string, Promise<LoadedWindow>>();
  readonly #files = new Map<string, Promise<PackedShardFile>>();
  /** Memory of windows that are done with: fresh memory costs more than reading does. */
  readonly #spare: TokenIds[] = [];

  constructor(data: PackedData, order: RowOrder) {
    this.#data = data;
    this.#order = order;
  }

  /** The window's rows, waiting for them where they are not there yet. */
  get(window: RowWindow): Promise<LoadedWindow> {
    const known = this.#windows.get(window.key);
    if (known !== undefined) return known;
    const loading = this.#load(window);
    loading.catch(() => undefined); // whoever asks for the window gets the failure
    this.#windows.set(window.key, loading);
    return loading;
  }

  /** Starts to read these windows and forgets all others. */
  async keep(windows: readonly RowWindow[]): Promise<void> {
    const kept = new Set(windows.map(({ key }) => key));
    const left = [...this.#windows].filter(([key]) => !kept.has(key));
    for (const [key] of left) this.#windows.delete(key);
    for (const window of windows) this.get(window);
    const needed = new Set(windows.map(({ shard }) => shard.file));
    const closing = [...this.#files].filter(([name]) => !needed.has(name));
    for (const [name] of closing) this.#files.delete(name);
    for (const [, loading] of left) {
      const loaded = await loading.catch(() => undefined); // nothing may still be read into its memory, or from its file
      if (loaded !== undefined) this.#spare.push(loaded.ids);
    }
    for (const [, file] of closing) await (await file.catch(() => undefined))?.close();
  }

  async #load(window: RowWindow): Promise<LoadedWindow> {
    const { seqLen, dtype } = this.#data;
    const { chunkRows, windowRows } = this.#order;
    const ids = this.#spare.pop() ?? newIds(windowRows * seqLen, dtype === "uint32");
    const file = await this.#open(window);
    await Promise.all(
      window.chunks.map(({ row, rows }, i) => {
        const start = i * chunkRows * seqLen;
        return file.load(row, rows, ids.subarray(start, start + rows * seqLen));
      }),
    );
    return { ...window, file, ids, places: this.#order.placesIn(window) };
  }

  #open({ shard }: RowWindow): Promise<PackedShardFile> {
    const file = this.#files.get(shard.file) ?? PackedShardFile.open(this.#data.folder, this.#data, shard);
    file.catch(() => undefined); // the window that needs it fails
    this.#files.set(shard.file, file);
    return file;
  }
}
