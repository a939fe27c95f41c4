import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../../model/random.ts";
import { writeJson } from "../../pipeline/runtime/manifest.ts";
import type { PackedManifest } from "../../tokenizer/pack/shards/packed-manifest.ts";
import { writeShard } from "../../tokenizer/pack/write-shards.ts";

export interface PackedFolderOptions {
  readonly seqLen?: number;
  readonly vocabSize?: number;
  /** Rows of each training shard. */
  readonly trainShards?: readonly number[];
  readonly validationRows?: number;
  readonly tokenizerSha256?: string;
  readonly change?: (manifest: PackedManifest) => PackedManifest;
}

/** The ids of a row: the row's number first, so that a test sees which rows it got; then a pattern worth learning. */
export function rowIds(row: number, seqLen: number, vocabSize: number): Uint16Array<ArrayBuffer> {
  const random = createRandom(row, "row");
  const stride = 1 + Math.floor(random.uniform() * 3);
  return Uint16Array.from({ length: seqLen }, (_, i) => (row + i * stride) % vocabSize);
}

/** Makes a packed folder as `pack` would, with rows 0, 1, 2, … in the training shards. */
export async function makePackedFolder(
  folder: string,
  options: PackedFolderOptions = {},
): Promise<PackedManifest> {
  const { seqLen = 8, vocabSize = 40, trainShards = [5, 3, 4], validationRows = 4 } = options;
  await mkdir(folder, { recursive: true });
  const shards: PackedManifest["shards"] = [];
  let row = 0;
  const addShard = async (split: "train" | "validation", index: number, rows: number) => {
    const file = `${split}-${String(index).padStart(5, "0")}.arrow`;
    const numbers = Array.from({ length: rows }, () => row++);
    const ids = numbers.map((number) => rowIds(number, seqLen, vocabSize));
    const written = await writeShard([ids], join(folder, file), { seqLen, wide: false, metadata: {} });
    const { rowsHash: _, ...record } = written;
    shards.push({ file, split, ...record });
  };
  for (const [index, rows] of trainShards.entries()) await addShard("train", index, rows);
  if (validationRows > 0) await addShard("validation", 0, validationRows);

  const split = (rows: number) => ({
    documents: rows,
    textBytes: rows * seqLen * 3,
    tokens: rows * seqLen,
    rows,
    droppedTokens: 0,
    paddingTokens: 0,
    rowsHash: "0".repeat(16),
  });
  const manifest: PackedManifest = {
    format: "apt3.packed/1",
    version: "0.0.0",
    fingerprint: `rows ${trainShards.join()} of ${seqLen}`,
    complete: true,
    seqLen,
    dtype: "uint16",
    seed: 1,
    strategy: "concat",
    bos: true,
    eos: true,
    documentStarts: false,
    validationShare: 0.1,
    tokenizer: { sha256: options.tokenizerSha256 ?? "0".repeat(64), vocabSize, bosId: 1, eosId: 2, padId: 3 },
    corpus: "0".repeat(64),
    inputs: [],
    groups: [],
    splits: {
      train: split(trainShards.reduce((sum, rows) => sum + rows, 0)),
      validation: split(validationRows),
    },
    shards,
  };
  const written = options.change?.(manifest) ?? manifest;
  await writeJson(join(folder, "manifest.json"), written);
  return written;
}
