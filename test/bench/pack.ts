import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { zstdCompressSync } from "node:zlib";
import { readTexts } from "../../pipeline/corpus.ts";
import { formatBytes, parseSize } from "../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { readPackedManifest } from "../../tokenizer/pack/packed-folder.ts";
import { benchLoader } from "./pack/loader.ts";
import { type Cost, rate, runCommand } from "./pack/measure.ts";
import { benchStages } from "./pack/stages.ts";
import { writeGrownCorpus } from "./tokenizer/grown-corpus.ts";

const PEERS = fileURLToPath(new URL("./pack_peers.py", import.meta.url));
const CORPUS = ["prose-pl", "msdocs-pl", "debian-pl"].map((name) =>
  fileURLToPath(new URL(`../../../shared/corpus/${name}.jsonl.zst`, import.meta.url)),
);
const SAMPLE = fileURLToPath(new URL("../../pipeline/sample/apt3_sample_pl.jsonl.zst", import.meta.url));
const PARTS = ["stages", "peers", "loader", "memory"];

/**
 * `npm run bench -- pack [--texts FILE.jsonl.zst,…] [--tokenizer FOLDER] [--python PATH] [--parts stages,peers,loader,memory]
 * [--sizes 100MB,400MB,5GB]`: shares of the stages and speed of the whole command on real text; the same input
 * through Python peers; the loader; peak memory at several sizes of input and with many workers. About three minutes on
 * two cores; sizes of gigabytes take as long as packing and writing them does.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      texts: { type: "string", default: CORPUS.every((file) => existsSync(file)) ? CORPUS.join() : SAMPLE },
      tokenizer: { type: "string" },
      python: { type: "string" },
      parts: { type: "string", default: PARTS.join() },
      sizes: { type: "string", default: "100MB,400MB" },
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
    if (parts.includes("stages")) {
      const textBytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      await benchStages(texts, textBytes, tokenizer, folder);
      await benchWhole(texts, textBytes, tokenizer, folder);
    }
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

/** Packs into a folder that is removed again. */
async function packOnce(input: string, tokenizer: string, folder: string, words: readonly string[]) {
  const out = join(folder, "packed");
  const given = ["pack", "--input", input, "--tokenizer", tokenizer, "--out", out, ...words];
  const cost = runCommand(given, join(folder, "usage.json"));
  const { splits } = await readPackedManifest(out);
  rmSync(out, { recursive: true });
  return { ...cost, tokens: splits.train.tokens + splits.validation.tokens };
}

/** The command as a user runs it, its start and the parsing of the tokenizer included. */
async function benchWhole(
  input: string,
  textBytes: number,
  tokenizer: string,
  folder: string,
): Promise<void> {
  const rows: string[][] = [];
  for (const workers of ["1", "2"]) {
    const { cpu, wall } = await packOnce(input, tokenizer, folder, ["--workers", workers]);
    rows.push([workers, cpu.toFixed(2), rate(textBytes, cpu), wall.toFixed(2), rate(textBytes, wall)]);
  }
  console.log(formatTable([["apt3 pack, workers", "CPU s", "MB/s a core", "wall s", "MB/s, wall"], ...rows]));
}

/** Bytes of text for the peers, which take half a second a megabyte. */
const PEER_BYTES = 40e6;

/** The same input through Python; one thread each, by processor time. */
async function benchPeers(
  documents: readonly string[],
  tokenizer: string,
  python: string | undefined,
  folder: string,
): Promise<void> {
  if (python === undefined) {
    console.log(
      "peers: not measured; name a python that has what test/bench/pack_peers.py needs with --python",
    );
    return;
  }
  const total = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const every = Math.max(1, Math.round(total / PEER_BYTES));
  const chosen = documents.filter((_, i) => i % every === 0);
  const input = join(folder, "peers.jsonl.zst");
  writeFileSync(input, zstdCompressSync(chosen.map((text) => `${JSON.stringify({ text })}\n`).join("")));
  const textBytes = chosen.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const ours = await packOnce(input, tokenizer, folder, ["--workers", "1", "--validation-share", "0"]);
  const rows = [
    [
      "apt3",
      ours.cpu.toFixed(2),
      rate(textBytes, ours.cpu),
      "1",
      String(ours.tokens),
      formatBytes(ours.peakBytes),
    ],
  ];
  for (const peer of ["lean", "datatrove"]) {
    const out = join(folder, peer);
    mkdirSync(out);
    const { OPENBLAS_CORETYPE: _, ...env } = process.env;
    const run = spawnSync(python, [PEERS, peer, input, tokenizer, out], { encoding: "utf8", env });
    if (run.status !== 0) throw new Error(`${peer}: ${run.error?.message ?? run.stderr.slice(-1000)}`);
    const result: Cost & { tokens: number; versions: string } = JSON.parse(
      run.stdout.trim().split("\n").at(-1)!,
    );
    rows.push([
      result.versions,
      result.cpu.toFixed(2),
      rate(textBytes, result.cpu),
      (result.cpu / ours.cpu).toFixed(1),
      String(result.tokens),
      formatBytes(result.peakBytes),
    ]);
  }
  console.log(
    formatTable([
      [
        `${formatBytes(textBytes)}, starts included`,
        "CPU s",
        "MB/s a core",
        "times ours",
        "tokens",
        "peak memory",
      ],
      ...rows,
    ]),
  );
}

/** Peak memory, one foreign file of each size; then the smallest with more workers than fit. */
async function benchMemory(
  documents: readonly string[],
  sizes: readonly number[],
  tokenizer: string,
  folder: string,
): Promise<void> {
  const rows: string[][] = [];
  for (const [i, size] of sizes.entries()) {
    const input = join(folder, "grown.jsonl.zst");
    await writeGrownCorpus(input, documents, size);
    for (const workers of i === 0 ? ["2", "16"] : ["2"]) {
      const { cpu, wall, peakBytes } = await packOnce(input, tokenizer, folder, ["--workers", workers]);
      rows.push([formatBytes(size), workers, formatBytes(peakBytes), rate(size, cpu), rate(size, wall)]);
    }
    rmSync(input);
  }
  console.log(
    formatTable([
      ["grown text, new words throughout", "--workers", "peak memory", "MB/s a core", "MB/s, wall"],
      ...rows,
    ]),
  );
}
