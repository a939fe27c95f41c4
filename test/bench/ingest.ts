import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import xxhash from "xxhash-wasm";
import { createCleaner } from "../../pipeline/clean.ts";
import { BANDS, createMinHasher } from "../../pipeline/dedup/minhash.ts";
import { findNearDuplicates } from "../../pipeline/dedup/near-duplicates.ts";
import { readWords } from "../../pipeline/measures/words.ts";
import { PROFILES } from "../../pipeline/profiles.ts";
import { readLineBlocks } from "../../pipeline/readers/lines.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { seededRandom } from "../../pipeline/sample/damage.ts";

const BIN = fileURLToPath(new URL("../../bin/apt3.ts", import.meta.url));
const PEER = fileURLToPath(new URL("./ingest_datatrove.py", import.meta.url));
/** Similarity from which a document must be found, and from which finding it is right. */
const STRICT = 0.8;
const LOOSE = 0.6;
const FILES = ["prose-pl.jsonl.zst", "msdocs-pl.jsonl.zst"];

/**
 * `npm run bench -- ingest [--corpus FOLDER] [--python PATH] [--megabytes N] [--documents N]`: the whole chain
 * against datatrove on the same input, each bound to one core; MB/s of every step; near-dedup of documents
 * made of the corpus' sentences with planted near-duplicates, and its recall and precision.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      corpus: { type: "string", default: "../shared/corpus" },
      python: { type: "string" },
      megabytes: { type: "string", default: "5" },
      documents: { type: "string", default: "200000" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "apt3-bench-"));
  try {
    const lines = await readLines(FILES.map((file) => join(values.corpus, file)));
    const bytes = Number(values.megabytes) * 1e6;
    compareChains(folder, lines, bytes, values.python);
    await timeSteps(lines);
    await benchNearDedup(folder, lines, Number(values.documents));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readLines(paths: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const path of paths.filter((file) => existsSync(file))) {
    for await (const { bytes } of readLineBlocks(openBytes(path)))
      lines.push(...Buffer.from(bytes).toString().trimEnd().split("\n"));
  }
  if (lines.length === 0)
    throw new Error(`none of ${paths.join(", ")} is there; name a folder with --corpus`);
  return lines;
}

/** Every n-th line, so that about `bytes` come together. */
function thin(lines: readonly string[], bytes: number): string {
  const total = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const every = Math.max(1, Math.round(total / bytes));
  return lines
    .filter((_, i) => i % every === 0)
    .map((line) => `${line}\n`)
    .join("");
}

function compareChains(
  folder: string,
  lines: readonly string[],
  bytes: number,
  python: string | undefined,
): void {
  const rows: (string | number)[][] = [["chain, one core", "MB", "seconds", "MB/s"]];
  const measure = (name: string, input: string, execute: (file: string) => number): number => {
    const megabytes = Buffer.byteLength(input) / 1e6;
    const where = join(folder, name);
    mkdirSync(where);
    writeFileSync(join(where, "a.jsonl"), input);
    const seconds = execute(where);
    rows.push([name, megabytes.toFixed(1), seconds.toFixed(2), (megabytes / seconds).toFixed(2)]);
    return megabytes / seconds;
  };
  const small = thin(lines, bytes);
  const all = thin(lines, Number.POSITIVE_INFINITY);
  const ours = measure("apt3", small, ingestOnce);
  const large = measure("apt3, whole corpus", all, ingestOnce);
  if (python === undefined) console.log("datatrove: not measured: name a python that has it with --python");
  else {
    let peerVersion = "";
    const peer = measure("datatrove", small, (where) => {
      const run = bound(python, [PEER, where, join(where, "out")]);
      const last = run.stdout.trim().split("\n").at(-1) ?? "{}";
      const { datatrove, seconds }: { datatrove: string; seconds: number } = JSON.parse(last);
      peerVersion = datatrove;
      return seconds;
    });
    console.log(`datatrove ${peerVersion}, node ${process.version}`);
    console.log(
      `same input: ${(ours / peer).toFixed(1)} times; apt3 on the whole corpus: ${(large / peer).toFixed(1)} times`,
    );
  }
  console.log(`${formatTable(rows)}\n`);
}

/** Seconds of `apt3 ingest` with one worker and everything of it on one core, its start included. */
function ingestOnce(where: string): number {
  const yaml = `sources: [{name: a, kind: files, group: all, profile: prose, licence: various, path: a.jsonl}]`;
  writeFileSync(join(where, "datasets.yaml"), yaml);
  const start = performance.now();
  const words = ["ingest", "--config", join(where, "datasets.yaml"), "--out", join(where, "out")];
  bound(process.execPath, [BIN, ...words, "--workers", "1", "--no-near-dedup"]);
  return (performance.now() - start) / 1000;
}

function bound(command: string, words: readonly string[]) {
  const run = spawnSync("taskset", ["-c", "0", command, ...words], { encoding: "utf8" });
  if (run.status !== 0)
    throw new Error(`${command} failed: ${run.error?.message ?? run.stderr.slice(-2000)}`);
  return run;
}

async function timeSteps(lines: readonly string[]): Promise<void> {
  const { h64Raw } = await xxhash();
  const clean = createCleaner(PROFILES.prose, { hash: h64Raw, traces: 0 });
  const block = Buffer.from(thin(lines, Number.POSITIVE_INFINITY));
  clean(block.subarray(0, block.indexOf(10, 10_000_000) + 1), 1); // warms the compiler up
  const start = performance.now();
  const { milliseconds } = clean(block, 1);
  const total = performance.now() - start;
  const megabytes = block.length / 1e6;
  const rows = Object.entries(milliseconds).map(([name, time]) => [
    name,
    ((megabytes * 1000) / time).toFixed(0),
  ]);
  console.log(
    formatTable([["step", "MB/s"], ...rows, ["all steps", ((megabytes * 1000) / total).toFixed(1)]]),
  );
}

/** Documents of shuffled sentences; every tenth is an earlier one with a twentieth of its sentences replaced. */
async function benchNearDedup(folder: string, lines: readonly string[], documents: number): Promise<void> {
  const random = seededRandom(7);
  const sentences = lines
    .slice(0, 4000)
    .flatMap((line) => (JSON.parse(line) as { text: string }).text.split(/(?<=[.!?])\s+/))
    .filter((sentence) => sentence.length > 30 && sentence.length < 300);
  const pick = () => sentences[Math.floor(random() * sentences.length)] as string;
  const minHash = createMinHasher();
  const rows = new Uint32Array(documents * BANDS * 2);
  const subset: Uint32Array[] = [];
  const recent: string[][] = [];
  let signing = 0;
  let characters = 0;
  for (let id = 0; id < documents; id++) {
    const earlier = id % 10 === 9 ? recent[Math.floor(random() * recent.length)] : undefined;
    const share = earlier === undefined ? 1 : 0.02 + random() * 0.15;
    const own =
      earlier?.map((sentence) => (random() < share ? pick() : sentence)) ?? Array.from({ length: 20 }, pick);
    recent[id % 1000] = own;
    const text = own.join(" ");
    characters += text.length;
    const { hashes } = readWords(text);
    const start = performance.now();
    minHash(hashes, rows, id * BANDS * 2);
    signing += performance.now() - start;
    if (id < 20_000) subset.push(shinglesOf(hashes));
  }
  const path = join(folder, "bands");
  writeFileSync(path, columns(rows, documents));
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const clusters = await findNearDuplicates([{ path, documents }]);
  const seconds = (performance.now() - start) / 1000;
  const million = documents / 1e6;
  console.log(`\nnear-dedup, ${documents} documents of ${Math.round(characters / documents)} characters`);
  console.log(`signatures ${(characters / 1000 / signing).toFixed(1)} M characters/s`);
  console.log(
    `clustering ${(seconds / million).toFixed(1)} s and ${((process.memoryUsage().rss - before) / 1e6 / million).toFixed(0)} MB a million documents`,
  );

  // brute force over the subset: pairs that share any shingle, by an inverted index
  const { found, wanted, both, right } = compareWithTruth(subset, (id) => clusters.isDuplicate(id));
  console.log(
    `against brute force on ${subset.length} documents (best similarity to an earlier document): recall of ≥ ${STRICT}: ${((100 * both) / wanted).toFixed(1)} % of ${wanted}; dropped ${found}, of which ≥ ${LOOSE}: ${((100 * right) / found).toFixed(1)} %`,
  );
}

function shinglesOf(hashes: Uint32Array): Uint32Array {
  const shingles = new Set<number>();
  for (let i = 0; i + 5 <= hashes.length; i++) {
    let shingle = 17;
    for (let word = i; word < i + 5; word++)
      shingle = (Math.imul(shingle, 0x01000193) ^ (hashes[word] as number)) >>> 0;
    shingles.add(shingle);
  }
  return Uint32Array.from(shingles);
}

function compareWithTruth(documents: readonly Uint32Array[], isDropped: (id: number) => boolean) {
  const postings = new Map<number, number[]>();
  let [found, wanted, both, right] = [0, 0, 0, 0];
  for (const [id, shingles] of documents.entries()) {
    const shared = new Map<number, number>();
    for (const shingle of shingles) {
      for (const other of postings.get(shingle) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1);
    }
    let similarity = 0;
    for (const [other, common] of shared) {
      const union = shingles.length + (documents[other] as Uint32Array).length - common;
      similarity = Math.max(similarity, common / union);
    }
    for (const shingle of shingles) {
      const list = postings.get(shingle);
      if (list === undefined) postings.set(shingle, [id]);
      else list.push(id);
    }
    const dropped = isDropped(id);
    if (dropped) found += 1;
    if (dropped && similarity >= LOOSE) right += 1;
    if (similarity >= STRICT) wanted += 1;
    if (dropped && similarity >= STRICT) both += 1;
  }
  return { found, wanted, both, right };
}

function columns(rows: Uint32Array, documents: number): Uint8Array {
  const result = new Uint32Array(rows.length);
  for (let id = 0; id < documents; id++) {
    for (let band = 0; band < BANDS; band++) {
      const row = rows.subarray((id * BANDS + band) * 2, (id * BANDS + band) * 2 + 2);
      result.set(row, (band * documents + id) * 2);
    }
  }
  return new Uint8Array(result.buffer);
}
