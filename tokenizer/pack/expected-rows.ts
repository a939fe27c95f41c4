import xxhash from "xxhash-wasm";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { WorkerPool, workerEntry } from "../../pipeline/runtime/workers.ts";
import type { TokenIds } from "../engine/encoder.ts";
import type { HashUnitResult, HashUnitTask } from "./hash-unit.worker.ts";
import { formatHash, newIds, rowHasher } from "./ids.ts";
import { type GroupMix, isExtra, withCopies } from "./mix.ts";
import { settingsOf, shuffleOptions } from "./pack-options.ts";
import { type PackedManifest, SPLITS, type Split } from "./packed-manifest.ts";
import { listUnits, openHashedCorpus, type Unit } from "./units.ts";

/** What the rows of a split must add up to. */
export interface ExpectedSplit {
  documents: number;
  tokens: number;
  /** Hash of the multiset of its rows. */
  hash: string;
}

/** Rows of one split and group, counted in the order in which packing numbers them. */
interface RowTally {
  rows: number;
  hash: bigint;
  tails: number[];
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
  const corpus = await openHashedCorpus(options.input, context);
  if (corpus.fingerprint !== manifest.corpus) {
    throw new UserError(
      `${options.input}: not the texts that were packed, or they changed since; give --input, or --no-texts to check the shards alone`,
    );
  }
  const settings = settingsOf(manifest);
  const shuffle = shuffleOptions(settings, corpus);
  const pool = new WorkerPool<HashUnitTask, HashUnitResult>({
    entry: workerEntry(import.meta.url, "./hash-unit.worker"),
    workers: options.workers,
    workerData: { ...settings, tokenizer: options.tokenizer },
  });
  const total = corpus.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = context.progress.start({ label: "encoding again", unit: "bytes", total });
  const empty = { documents: 0, tokens: 0, hash: "" };
  const expected = { train: { ...empty }, validation: { ...empty } };
  const tallies = { train: new Map<string, RowTally>(), validation: new Map<string, RowTally>() };
  const mixes = new Map(manifest.groups.map((group) => [group.group, withCopies(group)]));
  const mixOf = (split: Split, group: string) => (split === "train" ? mixes.get(group) : undefined);
  const sent: Unit[] = [];

  async function* tasks(): AsyncGenerator<HashUnitTask> {
    for await (const unit of listUnits(corpus, { onBytes: (bytes) => task.advance(bytes) })) {
      sent.push(unit);
      const { file, lines } = unit;
      yield { unit: unit.unit, file, shuffle, ...(lines === undefined ? {} : { lines }) };
    }
  }

  try {
    for await (const { index, hashes, tails } of pool.map(tasks(), { signal: context.signal })) {
      const { group } = (sent.shift() as Unit).file;
      let next = 0;
      for (const { split, rowsByBucket } of index.segments) {
        const rows = rowsByBucket.reduce((sum, count) => sum + count, 0);
        addRows(
          tallyOf(tallies[split], group),
          hashes.subarray(next, next + rows),
          mixOf(split, group),
          settings.seed,
        );
        next += rows;
      }
      for (const split of SPLITS) {
        expected[split].documents += index.splits[split].documents;
        expected[split].tokens += index.splits[split].tokens;
        const start = split === "train" ? 0 : index.tails.train;
        const tail = tails.subarray(start, start + index.tails[split]);
        const tally = tallyOf(tallies[split], group);
        for (const id of tail) tally.tails.push(id);
      }
    }
  } finally {
    await pool.close();
  }
  task.done();
  const hashRow = rowHasher(await xxhash());
  for (const split of SPLITS) {
    let hash = 0n;
    for (const [group, tally] of tallies[split]) {
      const hashes = hashTails(tally.tails, shuffle, hashRow);
      addRows(tally, hashes, mixOf(split, group), settings.seed);
      hash += tally.hash;
    }
    expected[split].hash = formatHash(BigInt.asUintN(64, hash));
  }
  return expected;
}

function tallyOf(tallies: Map<string, RowTally>, group: string): RowTally {
  const tally = tallies.get(group) ?? { rows: 0, hash: 0n, tails: [] };
  tallies.set(group, tally);
  return tally;
}

/** Adds rows, each as often as the mix writes it; once where there is none. */
function addRows(tally: RowTally, hashes: BigUint64Array, mix: GroupMix | undefined, seed: number): void {
  for (const hash of hashes) {
    const copies = mix === undefined ? 1 : mix.base + (isExtra(mix, tally.rows, seed) ? 1 : 0);
    tally.hash += BigInt(copies) * hash;
    tally.rows += 1;
  }
}

function hashTails(
  tails: readonly number[],
  { seqLen, wide }: { readonly seqLen: number; readonly wide: boolean },
  hashRow: (row: TokenIds) => bigint,
): BigUint64Array {
  const rows = Math.floor(tails.length / seqLen);
  const hashes = new BigUint64Array(rows);
  for (let row = 0; row < rows; row++) {
    const ids = newIds(seqLen, wide);
    ids.set(tails.slice(row * seqLen, (row + 1) * seqLen));
    hashes[row] = hashRow(ids);
  }
  return hashes;
}
