import xxhash from "xxhash-wasm";
import { openCorpus } from "../../../pipeline/corpus.ts";
import type { JobContext } from "../../../pipeline/runtime/command.ts";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { WorkerPool, workerEntry } from "../../../pipeline/runtime/workers.ts";
import { BlockPool } from "../encode/block-pool.ts";
import { UNITS_AHEAD, YOUNG_HEAP_MEGABYTES } from "../encode/memory.ts";
import { hashCorpus, listUnits, UNIT_BYTES, type Unit, usefulWorkers } from "../encode/units.ts";
import { settingsOf, shuffleOptions } from "../pack-options.ts";
import { type GroupMix, isExtra, withCopies } from "../rows/mix.ts";
import { tailUnit } from "../rows/tails.ts";
import { RowBuffers, type ShuffleOptions, type UnitIndex, UnitRows } from "../rows/unit-rows.ts";
import { formatHash, type RowHash, rowHasher } from "../shards/ids.ts";
import { type PackedManifest, SPLITS, type Split } from "../shards/packed-manifest.ts";
import type { HashUnitResult, HashUnitSettings, HashUnitTask } from "./hash-unit.worker.ts";

/** What the rows of a split must add up to. */
export interface ExpectedSplit {
  readonly documents: number;
  readonly tokens: number;
  /** Hash of the multiset of its rows. */
  readonly hash: string;
}

/** Rows of one group, counted in the order in which packing numbers them. */
class GroupTally {
  readonly documents = { train: 0, validation: 0 };
  readonly tokens = { train: 0, validation: 0 };
  readonly hash = { train: 0n, validation: 0n };
  readonly #rows = { train: 0, validation: 0 };
  readonly #mix: GroupMix | undefined;
  readonly #seed: number;
  readonly #tailHashes: bigint[] = [];
  readonly #tails: UnitRows;

  /** @param number of the group, in the order of their first units */
  constructor(number: number, mix: GroupMix | undefined, shuffle: ShuffleOptions, hashRow: RowHash) {
    this.#mix = mix;
    this.#seed = shuffle.seed;
    this.#tails = new UnitRows(shuffle, tailUnit(number), new RowBuffers(shuffle), (ids) => {
      for (let start = 0; start + shuffle.seqLen <= ids.length; start += shuffle.seqLen)
        this.#tailHashes.push(hashRow(ids.subarray(start, start + shuffle.seqLen)));
    });
  }

  add({ index, hashes, tails }: HashUnitResult): void {
    this.#addRows(index, hashes);
    for (const split of SPLITS) {
      this.documents[split] += index.splits[split].documents;
      this.tokens[split] += index.splits[split].tokens;
    }
    this.#tails.add("train", tails.subarray(0, index.tails.train), 0);
    this.#tails.add("validation", tails.subarray(index.tails.train), 0);
  }

  /** Adds the rows that the units' tails make together. */
  finish(): void {
    this.#addRows(this.#tails.finish(), BigUint64Array.from(this.#tailHashes));
  }

  /** Adds rows, each as often as the mix writes it; once where there is none. */
  #addRows({ segments }: UnitIndex, hashes: BigUint64Array): void {
    let next = 0;
    for (const { split, rowsByBucket } of segments) {
      const end = next + rowsByBucket.reduce((sum, rows) => sum + rows, 0);
      const mix = split === "train" ? this.#mix : undefined;
      for (; next < end; next++) {
        const row = this.#rows[split]++;
        const copies = mix === undefined ? 1 : mix.base + (isExtra(mix, row, this.#seed) ? 1 : 0);
        this.hash[split] += BigInt(copies) * hashes[next]!;
      }
    }
  }
}

/**
 * Encodes the texts again and adds up the hashes of the rows they give, each as often as the mix says.
 *
 * @throws UserError when the texts are not the ones that were packed
 */
export async function expectRows(
  manifest: PackedManifest,
  options: { readonly input: string; readonly tokenizer: string; readonly workers: number },
  context: JobContext,
): Promise<Record<Split, ExpectedSplit>> {
  const corpus = await hashCorpus(await openCorpus(options.input), context);
  if (corpus.fingerprint !== manifest.corpus) {
    throw new UserError(
      `${options.input}: not the texts that were packed, or they changed since; give --input, or --no-texts to check the shards alone`,
    );
  }
  const settings = settingsOf(manifest);
  const shuffle = shuffleOptions(settings, corpus);
  const pool = new WorkerPool<HashUnitTask, HashUnitResult>({
    entry: workerEntry(import.meta.url, "./hash-unit.worker"),
    workers: usefulWorkers(corpus, options.workers),
    workerData: { encode: { ...settings, tokenizer: options.tokenizer }, shuffle } satisfies HashUnitSettings,
    ahead: UNITS_AHEAD,
    youngHeapMegabytes: YOUNG_HEAP_MEGABYTES,
  });
  const total = corpus.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = context.progress.start({ label: "encoding again", unit: "bytes", total });
  const tallies = new Map<string, GroupTally>();
  const mixes = new Map(manifest.groups.map((group) => [group.group, withCopies(group)]));
  const hashRow = rowHasher(await xxhash());
  const sent: Unit[] = [];
  const blocks = new BlockPool(UNIT_BYTES);

  async function* tasks(): AsyncGenerator<HashUnitTask> {
    for await (const unit of listUnits(corpus, blocks, { onBytes: (bytes) => task.advance(bytes) })) {
      sent.push(unit);
      const { file, lines } = unit;
      yield { unit: unit.unit, file, ...(lines === undefined ? {} : { lines }) };
    }
  }

  try {
    for await (const result of pool.map(tasks(), { signal: context.signal })) {
      const { file, lines } = sent.shift() as Unit;
      if (lines !== undefined) blocks.giveBack(lines);
      const { group } = file;
      const tally = tallies.get(group) ?? new GroupTally(tallies.size, mixes.get(group), shuffle, hashRow);
      tallies.set(group, tally);
      tally.add(result);
    }
  } finally {
    await pool.close();
  }
  task.done();
  for (const tally of tallies.values()) tally.finish();
  const sum = (split: Split): ExpectedSplit => {
    const groups = [...tallies.values()];
    return {
      documents: groups.reduce((total, { documents }) => total + documents[split], 0),
      tokens: groups.reduce((total, { tokens }) => total + tokens[split], 0),
      hash: formatHash(
        BigInt.asUintN(
          64,
          groups.reduce((total, { hash }) => total + hash[split], 0n),
        ),
      ),
    };
  };
  return { train: sum("train"), validation: sum("validation") };
}
