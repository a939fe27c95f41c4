import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { KeyFilter } from "./key-filter.ts";
import { KeyRun } from "./key-run.ts";
import { KeySet } from "./key-set.ts";

/** Keys held in memory, in a table of 4 MB, before they become a run on disk. */
const RECENT_KEYS = 1 << 18;
/** So many runs of about one size are merged into one: a hundred million keys are written three times in all. */
const MERGED_RUNS = 8;

/** A run, and how often its keys were merged. */
interface LeveledRun {
  readonly run: KeyRun;
  readonly level: number;
}

/**
 * The set of all keys seen so far in memory that hardly grows: 4 MB for the last ones; for all others, which lie sorted
 * on disk, a filter of 1 to 2 bytes a key, at most 32 MB, and 256 kB for each of at most 7 runs of a size. At 285 GB, a
 * hundred million documents, that is 41 MB, where a table of all keys would take 1.3 to 2.7 GB; at 5 GB, 10 MB.
 */
export class SeenKeys {
  readonly #folder: string;
  readonly #recentKeys: number;
  readonly #recent = new KeySet();
  #filter = new KeyFilter();
  /** From the oldest, which were merged most often, to the newest. */
  #runs: LeveledRun[] = [];
  #written = 0;

  private constructor(folder: string, recentKeys: number) {
    this.#folder = folder;
    this.#recentKeys = recentKeys;
  }

  /** Begins empty; what a killed run left in `folder` goes. */
  static async create(folder: string, { recentKeys = RECENT_KEYS } = {}): Promise<SeenKeys> {
    await rm(folder, { recursive: true, force: true });
    return new SeenKeys(folder, recentKeys);
  }

  /** Adds a key; false when it was there already. */
  add(key: bigint): boolean {
    if (this.#filter.mayHave(key) && this.#runs.some(({ run }) => run.has(key))) return false;
    return this.#recent.add(key);
  }

  /** Adds the keys of an earlier run. */
  async addAll(keys: BigUint64Array): Promise<void> {
    for (const key of keys) this.add(key);
    await this.settle();
  }

  /** Brings keys to disk when there are too many in memory. To be called now and then between additions. */
  async settle(): Promise<void> {
    if (this.#recent.size < this.#recentKeys) return;
    await mkdir(this.#folder, { recursive: true });
    const keys = this.#recent.sorted();
    this.#runs.push({ run: await KeyRun.write(this.#nextPath(), [keys]), level: 0 });
    this.#recent.clear();
    if (this.#filter.hasRoomFor(keys.length)) this.#filter.addAll(keys);
    else this.#enlargeFilter();
    while (await this.#merge());
  }

  /** Forgets all keys, on disk too. */
  async clear(): Promise<void> {
    for (const { run } of this.#runs) await run.remove();
    this.#runs = [];
    this.#filter = new KeyFilter();
    this.#recent.clear();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Merges the newest runs when there are enough of one level; false when there are not. */
  async #merge(): Promise<boolean> {
    const newest = this.#runs.slice(-MERGED_RUNS);
    const level = newest[0]?.level;
    if (newest.length < MERGED_RUNS || level !== newest.at(-1)?.level) return false;
    const runs = newest.map(({ run }) => run);
    const merged = await KeyRun.write(this.#nextPath(), KeyRun.merged(runs));
    this.#runs.splice(-MERGED_RUNS, MERGED_RUNS, { run: merged, level: (level as number) + 1 });
    for (const run of runs) await run.remove();
    return true;
  }

  #enlargeFilter(): void {
    const runs = this.#runs.map(({ run }) => run);
    this.#filter = new KeyFilter(runs.reduce((sum, { keys }) => sum + keys, 0));
    for (const keys of KeyRun.merged(runs)) this.#filter.addAll(keys);
  }

  #nextPath(): string {
    return join(this.#folder, String(this.#written++));
  }
}
