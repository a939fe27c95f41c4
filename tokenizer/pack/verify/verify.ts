import { join } from "node:path";
import xxhash from "xxhash-wasm";
import type { JobContext } from "../../../pipeline/runtime/command.ts";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { hashFile } from "../../../pipeline/runtime/files.ts";
import { loadTokenizer } from "../../load.ts";
import type { Tokenizer } from "../../tokenizer.ts";
import { countsOf, metadataOf, settingsOf } from "../pack-options.ts";
import { addHashes, formatHash, newIds, rowHasher } from "../shards/ids.ts";
import { readPackedManifest } from "../shards/packed-folder.ts";
import { type PackedManifest, type PackedShard, SPLITS, type Split } from "../shards/packed-manifest.ts";
import { PackedShardFile } from "../shards/packed-shard.ts";
import { expectRows } from "./expected-rows.ts";

export interface VerifyOptions {
  /** A packed folder. */
  readonly folder: string;
  /** The texts it was packed from; undefined leaves out the comparison with them. */
  readonly input: string | undefined;
  /** Folder of the tokenizer it was packed with. */
  readonly tokenizer: string;
  readonly workers: number;
}

export interface VerifyReport {
  readonly shards: number;
  readonly rows: number;
  readonly bytes: number;
  /** Documents encoded again and found in the rows; undefined without texts. */
  readonly documents: number | undefined;
  /** The beginning of the first row of each split, decoded. */
  readonly samples: Readonly<Partial<Record<Split, string>>>;
}

/** Bytes of rows read at once. */
const READ_BYTES = 4 << 20;
const SAMPLE_TOKENS = 40;

/**
 * Checks a packed folder: every byte of every shard, every row and id, that rows decode to text, and that the rows
 * are exactly those the texts give, each as often as the mix says.
 *
 * @throws UserError for the first thing that does not hold, naming the shard and the row
 */
export async function verify(options: VerifyOptions, context: JobContext): Promise<VerifyReport> {
  const { folder } = options;
  const manifest = await readPackedManifest(folder);
  const { tokenizer, sha256 } = await loadTokenizer(options.tokenizer);
  if (sha256 !== manifest.tokenizer.sha256) {
    throw new UserError(
      `${options.tokenizer}/tokenizer.json: not the tokenizer that ${folder} was packed with (sha256 ${sha256.slice(0, 12)}…, the manifest says ${manifest.tokenizer.sha256.slice(0, 12)}…); give --tokenizer`,
    );
  }

  // 1. The shards against the manifest
  const total = manifest.shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = context.progress.start({ label: "reading shards", unit: "bytes", total });
  const found = { train: { rows: 0, hash: 0n }, validation: { rows: 0, hash: 0n } };
  const samples: Partial<Record<Split, string>> = {};
  for (const shard of manifest.shards) {
    context.signal.throwIfAborted();
    const { hash, sample } = await checkShard(folder, manifest, shard, tokenizer);
    found[shard.split].rows += shard.rows;
    found[shard.split].hash = addHashes(found[shard.split].hash, hash);
    samples[shard.split] ??= sample;
    task.advance(shard.bytes);
  }
  task.done();
  for (const split of SPLITS) {
    const { rows, rowsHash } = manifest.splits[split];
    const { rows: foundRows, hash } = found[split];
    if (foundRows !== rows || formatHash(hash) !== (rowsHash || formatHash(0n))) {
      throw new UserError(
        `${join(folder, "manifest.json")}: splits.${split} says ${rows} rows with hash ${rowsHash}, the shards hold ${foundRows} with ${formatHash(hash)}`,
      );
    }
  }

  // 2. The rows against the texts
  const documents =
    options.input === undefined
      ? undefined
      : await checkTexts(folder, manifest, { ...options, input: options.input }, context);
  const rows = found.train.rows + found.validation.rows;
  return { shards: manifest.shards.length, rows, bytes: total, documents, samples };
}

async function checkShard(
  folder: string,
  manifest: PackedManifest,
  shard: PackedShard,
  tokenizer: Tokenizer,
): Promise<{ hash: bigint; sample: string }> {
  const { seqLen, dtype } = manifest;
  const path = join(folder, shard.file);
  const hashRow = rowHasher(await xxhash());
  const file = await PackedShardFile.open(folder, manifest, shard);
  let hash = 0n;
  let sample = "";
  try {
    checkMetadata(path, file.metadata, manifest, shard);
    const rowsAtOnce = Math.max(1, Math.floor(READ_BYTES / (seqLen * (dtype === "uint32" ? 4 : 2))));
    for (let row = 0; row < file.rows; row += rowsAtOnce) {
      const rows = Math.min(rowsAtOnce, file.rows - row);
      const ids = newIds(rows * seqLen, dtype === "uint32");
      await file.read(row, rows, ids);
      for (let i = 0; i < rows; i++)
        hash = addHashes(hash, hashRow(ids.subarray(i * seqLen, (i + 1) * seqLen)));
      if (row === 0) sample = tokenizer.decode(ids.subarray(0, Math.min(seqLen, SAMPLE_TOKENS)));
    }
  } finally {
    await file.close();
  }
  const { bytes, sha256 } = await hashFile(path);
  if (sha256 !== shard.sha256) {
    throw new UserError(
      `${path}: its rows are right, but ${bytes} bytes have sha256 ${sha256.slice(0, 12)}…, the manifest says ${shard.sha256.slice(0, 12)}…: a header or the footer is damaged; copy the file anew`,
    );
  }
  return { hash, sample };
}

/** What a shard says of itself must be what the manifest says of all. */
function checkMetadata(
  path: string,
  found: ReadonlyMap<string, string>,
  manifest: PackedManifest,
  { split, rows }: PackedShard,
): void {
  const expected = {
    ...metadataOf(settingsOf(manifest)),
    ...countsOf(split, manifest.splits[split]),
    "apt3.rows": String(rows),
  };
  for (const [key, value] of Object.entries(expected)) {
    if (found.get(key) === value) continue;
    throw new UserError(
      `${path}: its ${key} is ${found.get(key) ?? "missing"}, the manifest's ${value}; shards of another run, or a changed manifest`,
    );
  }
}

async function checkTexts(
  folder: string,
  manifest: PackedManifest,
  options: VerifyOptions & { readonly input: string },
  context: JobContext,
): Promise<number> {
  const expected = await expectRows(manifest, options, context);
  for (const split of SPLITS) {
    const { documents, tokens, rowsHash } = manifest.splits[split];
    const texts = expected[split];
    if (texts.documents === documents && texts.tokens === tokens && texts.hash === (rowsHash || texts.hash))
      continue;
    throw new UserError(
      `${folder}: ${split} rows are not those of ${options.input}: ${documents} documents, ${tokens} tokens, hash ${rowsHash}, the texts give ${texts.documents}, ${texts.tokens}, ${texts.hash}`,
    );
  }
  return expected.train.documents + expected.validation.documents;
}
