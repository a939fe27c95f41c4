import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { KeyRun } from "./key-run.ts";
import { KeySet } from "./key-set.ts";

/** Keys held in memory, in a table of 16 MB, before they become a run on disk. */
const RECENT_KEYS = 1 << 20;
/** More runs than this are merged into one: a hundred million keys are written five times in all. */
const MOST_RUNS = 8;
/** A power of two. 32 MB: with a hundred million keys, one new key in four is looked for on disk in vain. */
const FILTER_BITS = 1 << 28;

/**
 * The set of all keys seen so far in memory that does not grow: 16 MB for the last million, 32 MB for a filter over
 * all others, which lie sorted on disk. At 285 GB, a hundred million documents, a table of all keys would take 1.3 to
 * 2.7 GB.
 */
export class SeenKeys {
  readonly #folder: string;
  readonly #recentKeys: number;
  readonly #recent = new KeySet();
  /** Made with the first run. */
  #filter: KeyFilter | undefined;
  #runs: KeyRun[] = [];
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
    if (this.#filter?.mayHave(key) === true && this.#runs.some((run) => run.has(key))) return false;
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
    this.#filter ??= new KeyFilter();
    const keys = this.#recent.sorted();
    for (const key of keys) this.#filter.add(key);
    this.#runs.push(await KeyRun.write(this.#nextPath(), [keys]));
    this.#recent.clear();
    if (this.#runs.length <= MOST_RUNS) return;
    const merged = await KeyRun.write(this.#nextPath(), KeyRun.merged(this.#runs));
    for (const run of this.#runs) await run.remove();
    this.#runs = [merged];
  }

  /** Forgets all keys, on disk too. */
  async clear(): Promise<void> {
    for (const run of this.#runs) await run.remove();
    this.#runs = [];
    this.#filter = undefined;
    this.#recent.clear();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #nextPath(): string {
    return join(this.#folder, String(this.#written++));
  }
}

/** A Bloom filter with two probes. Keys are hashes: any of their bits are as good as another hash. */
class KeyFilter {
  readonly #words = new Uint32Array(FILTER_BITS / 32);

  add(key: bigint): void {
    for (const probe of probes(key)) {
      const word = probe >>> 5;
      this.#words[word] = (this.#words[word] as number) | (1 << (probe & 31));
    }
  }

  mayHave(key: bigint): boolean {
    return probes(key).every((probe) => ((this.#words[probe >>> 5] as number) & (1 << (probe & 31))) !== 0);
  }
}

const MASK = BigInt(FILTER_BITS - 1);
const probes = (key: bigint) => [Number(key & MASK), Number((key >> 28n) & MASK)];
