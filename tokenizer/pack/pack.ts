import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Corpus, openCorpus } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists, removePartialFiles } from "../../pipeline/runtime/files.ts";
import { apt3Version } from "../../pipeline/runtime/installation.ts";
import { openJobFolder } from "../../pipeline/runtime/job-folder.ts";
import { fingerprint, readJson, writeJson } from "../../pipeline/runtime/manifest.ts";
import { WorkerPool, workerEntry } from "../../pipeline/runtime/workers.ts";
import { loadTokenizer } from "../load.ts";
import { ArrowRowWriter } from "./arrow-rows.ts";
import type { PackUnitResult, PackUnitTask, PackWorkerData } from "./pack-unit.worker.ts";
import {
  PACKED_FORMAT,
  type PackedManifest,
  type PackedShard,
  packedManifestSchema,
  SPLITS,
  type Split,
} from "./packed-manifest.ts";
import { scratchIndexSchema } from "./row-scratch.ts";
import { type Scratch, ShuffledRows, type ShuffleOptions } from "./shuffled-rows.ts";

export interface PackOptions {
  /** Folder made by ingest, or texts made elsewhere. */
  readonly input: string;
  /** Folder with a tokenizer.json. */
  readonly tokenizer: string;
  readonly out: string;
  /** Tokens a row. */
  readonly seqLen: number;
  readonly seed: number;
  /** Share of documents held out for validation. */
  readonly validationShare: number;
  readonly workers: number;
  /** Bytes of ids after which a shard is closed. */
  readonly shardBytes?: number;
}

/** Half of the 1 GiB that readers handle well; a reader's error costs half as much to mend. */
const SHARD_BYTES = 512 << 20;
/** Bytes of ids in a bucket, which is shuffled in memory. */
const BUCKET_BYTES = 64 << 20;
/** Bytes of ids a byte of Polish text gives, at most: 2 a token, and seldom a token under 3 bytes. */
const ID_BYTES_PER_TEXT_BYTE = 0.7;
/** Text bytes a compressed byte gives, for files that no manifest describes. */
const ASSUMED_COMPRESSION = 4;

const unitSchema = z.strictObject({
  index: scratchIndexSchema,
  rejectedLines: z.number(),
  sha256: z.string(),
});
const shardSchema = z.strictObject({ rows: z.number(), bytes: z.number(), sha256: z.string() });

/**
 * Encodes a corpus and packs its tokens, `<s> document </s>` one after the other, into shuffled rows of
 * `seqLen` tokens in Arrow shards. Two passes over the disk, memory for one bucket of rows: files are encoded
 * into rows sorted by bucket, then each bucket is collected from all files, shuffled and written.
 * The same call after a kill continues and ends with the same bytes.
 *
 * @throws UserError for a corpus, tokenizer or output folder that do not fit
 */
export async function pack(options: PackOptions, context: JobContext): Promise<PackedManifest> {
  // 1. The texts, the tokenizer, and the folder to write to
  const corpus = await openCorpus(options.input);
  const { tokenizer, sha256 } = await loadTokenizer(options.tokenizer);
  if (tokenizer.bosId === undefined || tokenizer.eosId === undefined) {
    throw new UserError(`${options.tokenizer}: has no <s> or </s>, which mark where documents begin and end`);
  }
  const settings = {
    seqLen: options.seqLen,
    dtype: tokenizer.vocabSize > 1 << 16 ? "uint32" : "uint16",
    seed: options.seed,
    strategy: "concat",
    validationShare: options.validationShare,
    tokenizer: { sha256, vocabSize: tokenizer.vocabSize },
  } as const;
  const shardBytes = options.shardBytes ?? SHARD_BYTES;
  const job = fingerprint({ format: PACKED_FORMAT, settings, shardBytes, corpus: corpus.fingerprint });
  const folder = await openJobFolder(options.out, {
    fingerprint: job,
    schema: packedManifestSchema,
    settings: "texts, tokenizer, --seq-len, --seed or --validation-share",
  });
  try {
    if (folder.found?.complete) return folder.found;
    const work = join(options.out, "work");
    await mkdir(work, { recursive: true });
    await removePartialFiles(work);
    const empty = { documents: 0, textBytes: 0, tokens: 0, rows: 0, droppedTokens: 0 };
    const manifest: PackedManifest = {
      format: PACKED_FORMAT,
      version: apt3Version(),
      fingerprint: job,
      complete: false,
      ...settings,
      inputs: [],
      splits: { train: empty, validation: empty },
      shards: [],
    };
    await folder.save(manifest);

    // 2. Encode every file into rows sorted by bucket
    const shuffle: ShuffleOptions = {
      seqLen: options.seqLen,
      wide: settings.dtype === "uint32",
      buckets: bucketCount(corpus),
      seed: options.seed,
    };
    const units = await encodeUnits(corpus, work, shuffle, options, context);
    manifest.inputs = units.map(({ index: { splits }, rejectedLines, sha256 }, i) => {
      const { name, group, bytes } = corpus.files[i]!;
      const documents = splits.train.documents + splits.validation.documents;
      const tokens = splits.train.tokens + splits.validation.tokens;
      return { file: name, group, bytes, sha256, documents, tokens, rejectedLines };
    });

    // 3. Shuffle the buckets into shards
    const scratch = units.map(({ index }, unit): Scratch => ({ path: scratchPath(work, unit), index }));
    const metadata = { "apt3.format": PACKED_FORMAT, "apt3.settings": JSON.stringify(settings) };
    for (const split of SPLITS) {
      const rows = await ShuffledRows.open(split, scratch, shuffle);
      const writer = { out: options.out, work, split, shardBytes, metadata };
      manifest.shards.push(...(await writeShards(rows, writer, shuffle, context)));
      manifest.splits[split] = sumSplit(units, split, rows);
    }
    refuseNoRows(manifest, options);

    // 4. Publish
    const complete = { ...manifest, complete: true };
    await folder.save(complete);
    await rm(work, { recursive: true, force: true });
    return complete;
  } finally {
    await folder.release();
  }
}

/** Buckets such that each fits in memory, from what is known before encoding. */
function bucketCount(corpus: Corpus): number {
  const textBytes = corpus.files.reduce((sum, file) => {
    const compressed = file.name.endsWith(".zst") || file.name.endsWith(".gz");
    return sum + (file.textBytes ?? file.bytes * (compressed ? ASSUMED_COMPRESSION : 1));
  }, 0);
  return Math.max(1, Math.ceil((textBytes * ID_BYTES_PER_TEXT_BYTE) / BUCKET_BYTES));
}

/** First pass: one unit of work a file, each finished unit remembered beside its scratch file. */
async function encodeUnits(
  corpus: Corpus,
  work: string,
  shuffle: ShuffleOptions,
  options: PackOptions,
  { progress, signal }: JobContext,
): Promise<PackUnitResult[]> {
  const total = corpus.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = progress.start({ label: "encoding", unit: "bytes", total });
  const results: (PackUnitResult | undefined)[] = await Promise.all(
    corpus.files.map(async (_, unit) => {
      const path = `${scratchPath(work, unit)}.json`;
      return (await exists(path)) ? await readJson(path, unitSchema) : undefined;
    }),
  );
  const waiting = corpus.files.flatMap((file, unit) =>
    results[unit] === undefined
      ? [{ file, scratch: { ...shuffle, path: scratchPath(work, unit), unit } }]
      : [],
  );
  const workerData: PackWorkerData = {
    tokenizer: options.tokenizer,
    validationShare: options.validationShare,
  };
  const pool = new WorkerPool<PackUnitTask, PackUnitResult>({
    entry: workerEntry(import.meta.url, "./pack-unit.worker"),
    workers: Math.min(options.workers, Math.max(waiting.length, 1)),
    workerData,
  });
  try {
    let next = 0;
    for await (const result of pool.map(waiting, { signal })) {
      const { file, scratch } = waiting[next++] as PackUnitTask;
      await writeJson(`${scratch.path}.json`, result);
      results[scratch.unit] = result;
      task.advance(file.bytes);
    }
  } finally {
    await pool.close();
  }
  task.done();
  return results.filter((result) => result !== undefined);
}

interface ShardTarget {
  readonly out: string;
  readonly work: string;
  readonly split: Split;
  readonly shardBytes: number;
  readonly metadata: Record<string, string>;
}

/** Second pass: the rows of a split in their final order, cut into shards; finished shards are passed over. */
async function writeShards(
  rows: ShuffledRows,
  { out, work, split, shardBytes, metadata }: ShardTarget,
  { seqLen, wide }: ShuffleOptions,
  { progress, signal }: JobContext,
): Promise<PackedShard[]> {
  const rowsPerShard = Math.max(1, Math.floor(shardBytes / (seqLen * (wide ? 4 : 2))));
  const task = progress.start({ label: `writing ${split}`, unit: "rows", total: rows.rows });
  const shards: PackedShard[] = [];
  for (let from = 0; from < rows.rows; from += rowsPerShard) {
    signal.throwIfAborted();
    const to = Math.min(from + rowsPerShard, rows.rows);
    const file = `${split}-${String(shards.length).padStart(5, "0")}.arrow`;
    const mark = join(work, `${file}.json`);
    if (!(await exists(mark))) {
      const writer = await ArrowRowWriter.create(join(out, file), { seqLen, wide, metadata });
      try {
        for await (const row of rows.read(from, to)) await writer.write(row);
        await writeJson(mark, { rows: to - from, ...(await writer.commit()) });
      } finally {
        await writer.discard();
      }
    }
    shards.push({ file, split, ...(await readJson(mark, shardSchema)) });
    task.advance(to - from);
  }
  task.done();
  return shards;
}

function sumSplit(
  units: readonly PackUnitResult[],
  split: Split,
  rows: ShuffledRows,
): PackedManifest["splits"][Split] {
  const sum = (key: "documents" | "textBytes" | "tokens") =>
    units.reduce((total, { index }) => total + index.splits[split][key], 0);
  return {
    documents: sum("documents"),
    textBytes: sum("textBytes"),
    tokens: sum("tokens"),
    rows: rows.rows,
    droppedTokens: rows.droppedTokens,
  };
}

function refuseNoRows({ splits, seqLen }: PackedManifest, { input }: PackOptions): void {
  if (splits.train.rows > 0) return;
  const { documents, tokens } = splits.train;
  throw new UserError(
    `${input}: ${documents} documents give ${tokens} tokens, less than one row of --seq-len ${seqLen}`,
  );
}

const scratchPath = (work: string, unit: number) => join(work, `${String(unit).padStart(5, "0")}.rows`);
