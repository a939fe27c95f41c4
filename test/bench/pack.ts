import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readTexts } from "../../pipeline/corpus.ts";
import { parseSize } from "../../pipeline/runtime/sizes.ts";
import { benchLoader } from "./pack/loader.ts";
import { runCommand } from "./pack/measure.ts";
import { benchMemory } from "./pack/memory.ts";
import { benchPeers } from "./pack/peers.ts";
import { benchStages } from "./pack/stages.ts";
import { benchWhole } from "./pack/whole.ts";

const CORPUS = ["prose-pl", "msdocs-pl", "debian-pl"].map((name) =>
  fileURLToPath(new URL(`../../../shared/corpus/${name}.jsonl.zst`, import.meta.url)),
);
const SAMPLE = fileURLToPath(new URL("../../pipeline/sample/apt3_sample_pl.jsonl.zst", import.meta.url));
const PARTS = ["stages", "whole", "peers", "loader", "memory"];

/**
 * `npm run bench -- pack [--texts FILE.jsonl.zst,…] [--tokenizer FOLDER] [--python PATH] [--parts stages,whole,peers,loader,memory]
 * [--sizes 140MB,420MB,5GB]`: shares of the stages; speed of the whole command with one and two workers, on real text
 * and on two sizes of grown text, whose difference has no start in it; the same input through Python peers; the loader;
 * peak memory at several sizes of input and with many workers. About four minutes on two cores; sizes of gigabytes take
 * as long as packing and writing them does.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      texts: { type: "string", default: CORPUS.every((file) => existsSync(file)) ? CORPUS.join() : SAMPLE },
      tokenizer: { type: "string" },
      python: { type: "string" },
      parts: { type: "string", default: PARTS.join() },
      sizes: { type: "string", default: "140MB,420MB" },
    },
  });
  const { python } = values;
  const parts = values.parts.split(",");
  const folder = mkdtempSync(join(tmpdir(), "apt3-bench-pack-"));
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}; texts: ${values.texts}`);
  try {
    const texts = join(folder, "texts.jsonl.zst");
    for (const file of values.texts.split(",")) appendFileSync(texts, readFileSync(file)); // frame after frame
    const tokenizer = values.tokenizer ?? trainOne(texts, join(folder, "tokenizer"));
    const documents = await readDocuments(texts);
    const textBytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (parts.includes("stages")) await benchStages(texts, textBytes, tokenizer, folder);
    if (parts.includes("whole")) await benchWhole(texts, textBytes, documents, tokenizer, folder);
    if (parts.includes("peers")) await benchPeers(documents, tokenizer, python, folder);
    if (parts.includes("loader")) await benchLoader(join(folder, "loader"));
    if (parts.includes("memory")) {
      const sizes = values.sizes.split(",").map((size) => parseSize(size) ?? 100e6);
      await benchMemory(documents, sizes, tokenizer, folder);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function trainOne(texts: string, out: string): string {
  runCommand(["train-tokenizer", "--input", texts, "--out", out], `${out}-usage.json`);
  return out;
}

async function readDocuments(path: string): Promise<string[]> {
  const file = { path, name: path, group: "all", bytes: 0, textBytes: undefined, sha256: undefined };
  const documents: string[] = [];
  for await (const { texts } of readTexts(file)) documents.push(...texts);
  return documents;
}
