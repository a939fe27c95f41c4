import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { CLEAN_FORMAT, type CleanManifest } from "../../../pipeline/clean-manifest.ts";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { writeFileAtomic } from "../../../pipeline/runtime/files.ts";
import { writeJson } from "../../../pipeline/runtime/manifest.ts";
import { pack } from "../../../tokenizer/pack/pack.ts";
import type { PackOptions } from "../../../tokenizer/pack/pack-options.ts";
import type { PackedManifest, Split } from "../../../tokenizer/pack/shards/packed-manifest.ts";
import { trainTokenizer } from "../../../tokenizer/training/train-tokenizer.ts";
import { polishText, writeJsonl } from "../../support/corpus.ts";

/** Trains a small tokenizer into `folder`. */
export async function makeTokenizer(folder: string, vocabSize = 300): Promise<string> {
  await mkdir(folder, { recursive: true });
  const input = join(folder, "texts.jsonl");
  writeJsonl(
    input,
    Array.from({ length: 60 }, (_, i) => ({ text: polishText(i) })),
  );
  const out = join(folder, "tokenizer");
  const settings = { vocabSize, limitAlphabet: 200, heldOutShare: 0, workers: 1, memoryBytes: 1e9 };
  await trainTokenizer({ input, out, ...settings }, silentContext());
  return out;
}

/** A clean folder as `ingest` leaves it: for each group its shards, for each shard its records. */
export async function makeCleanFolder(
  folder: string,
  groups: Readonly<Record<string, readonly (readonly { text: string; meta?: object }[])[]>>,
  mix: Readonly<Record<string, number>> = {},
): Promise<string> {
  const shards: CleanManifest["shards"] = [];
  for (const [group, files] of Object.entries(groups)) {
    for (const [index, records] of files.entries()) {
      const file = `${group}-${index}.jsonl.zst`;
      const lines = records.map(({ text, meta = {} }) => `${JSON.stringify({ text, meta })}\n`);
      const written = await writeFileAtomic(join(folder, file), zstdCompressSync(lines.join("")));
      const textBytes = records.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
      const characters = records.reduce((sum, { text }) => sum + text.length, 0);
      shards.push({
        file,
        dataset: group,
        group,
        documents: records.length,
        textBytes,
        characters,
        ...written,
      });
    }
  }
  const manifest: CleanManifest = {
    format: CLEAN_FORMAT,
    version: "0.0.0",
    fingerprint: "made by hand",
    complete: true,
    planned: [],
    settings: { shardTextBytes: 1, nearDedup: true, traces: 0, rejects: "sampled", steps: [] },
    mix,
    datasets: [],
    failed: [],
    shards,
  };
  await writeJson(join(folder, "manifest.json"), manifest);
  return folder;
}

/** Records of different healthy texts. */
export const records = (from: number, to: number, sentences = 12) =>
  Array.from({ length: to - from }, (_, i) => ({ text: polishText(from + i, sentences) }));

export const runPack = (
  options: Pick<PackOptions, "input" | "tokenizer" | "out"> & Partial<PackOptions>,
  context = silentContext(),
) => pack({ seqLen: 64, seed: 1, validationShare: 0.1, workers: 1, ...options }, context);

/** The rows of a split as any Arrow reader sees them. */
export async function readRows(
  folder: string,
  { shards }: PackedManifest,
  split: Split,
): Promise<number[][]> {
  const rows: number[][] = [];
  for (const { file } of shards.filter((shard) => shard.split === split)) {
    const column = tableFromIPC(await readFile(join(folder, file))).getChild("input_ids")!;
    for (const row of column) rows.push(Array.from(row as Iterable<number>));
  }
  return rows;
}

/** Changes one byte of a file. */
export async function flipByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at]! ^= 0x10;
  await writeFile(path, bytes);
}

export const listFiles = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
