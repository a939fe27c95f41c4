import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import xxhash from "xxhash-wasm";
import { createCleaner } from "../../pipeline/clean.ts";
import { PROFILES } from "../../pipeline/profiles.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { thin, writeGrown } from "./ingest-corpus.ts";
import { type MeasuredRun, measuredRun } from "./measured-run.ts";

const BIN = fileURLToPath(new URL("../../bin/apt3.ts", import.meta.url));
const PEER = fileURLToPath(new URL("./ingest_datatrove.py", import.meta.url));

/** `apt3 ingest` without near-dedup on a file in a folder of its own, its start included. */
async function ingest(folder: string, file: string, workers: number): Promise<MeasuredRun> {
  const yaml = `sources: [{name: a, kind: files, group: all, profile: web, licence: various, path: ${file}}]`;
  writeFileSync(join(folder, "datasets.yaml"), yaml);
  const out = join(folder, "out");
  const words = ["ingest", "--config", join(folder, "datasets.yaml"), "--out", out, "--no-near-dedup"];
  const cores = workers === 1 ? "0" : "0,1";
  try {
    return await measuredRun(cores, process.execPath, [BIN, ...words, "--workers", String(workers)]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The whole chain against datatrove's on the same file, each with one worker on one core. */
export async function compareWithPeer(
  root: string,
  lines: readonly string[],
  { python, bytes }: { python: string; bytes: number },
): Promise<void> {
  const folder = join(root, "peer");
  const input = join(folder, "input");
  mkdirSync(input, { recursive: true });
  const content = thin(lines, bytes)
    .map((line) => `${line}\n`)
    .join("");
  writeFileSync(join(input, "a.jsonl"), content);
  const megabytes = Buffer.byteLength(content) / 1e6;
  const row = (name: string, { seconds, processorSeconds, peakBytes }: MeasuredRun) => [
    name,
    megabytes.toFixed(1),
    seconds.toFixed(1),
    processorSeconds.toFixed(1),
    (megabytes / processorSeconds).toFixed(2),
    (peakBytes / 1e6).toFixed(0),
  ];
  const ours = await ingest(folder, "input/a.jsonl", 1);
  const rows = [
    ["one core, whole process", "MB", "seconds", "processor s", "MB a processor s", "peak MB"],
    row("apt3", ours),
  ];
  try {
    const peer = await measuredRun("0", python, [PEER, input, join(folder, "datatrove")]);
    const last: { datatrove: string } = JSON.parse(peer.stdout.trim().split("\n").at(-1) ?? "{}");
    rows.push(row(`datatrove ${last.datatrove}`, peer));
    console.log(`${formatTable(rows)}\n`);
    const ratio = (a: number, b: number) => (b / a).toFixed(1);
    console.log(
      `apt3 is ${ratio(ours.processorSeconds, peer.processorSeconds)} times as fast by processor time, ${ratio(ours.seconds, peer.seconds)} times by the clock (starting both included)\n`,
    );
  } catch (error) {
    console.log(`${formatTable(rows)}\n\ndatatrove: not measured (${String(error).slice(-300)})`);
    console.log("name a Python that has datatrove and spacy with --python\n");
  }
}

/** Growing input in one zstd frame: MB/s of one core and of two, and the memory it takes. */
export async function measureScale(
  root: string,
  lines: readonly string[],
  sizes: readonly number[],
): Promise<void> {
  const folder = join(root, "scale");
  mkdirSync(folder);
  const rows = [
    [
      "input MB",
      "workers",
      "seconds",
      "processor s",
      "MB/s",
      "MB a processor s",
      "peak MB",
      "on average in quarter 2",
      "in quarter 4",
      "times as fast",
    ],
  ];
  /** Of each number of workers: the smallest and the largest run. */
  const extremes = new Map<
    number,
    [MeasuredRun & { megabytes: number }, MeasuredRun & { megabytes: number }]
  >();
  for (const size of sizes) {
    const file = join(folder, "a.jsonl.zst");
    const megabytes = (await writeGrown(file, lines, size)) / 1e6;
    let first: MeasuredRun | undefined;
    for (const workers of [1, 2]) {
      const run = await ingest(folder, "a.jsonl.zst", workers);
      first ??= run;
      const known = extremes.get(workers)?.[0] ?? { ...run, megabytes };
      extremes.set(workers, [known, { ...run, megabytes }]);
      rows.push([
        megabytes.toFixed(0),
        String(workers),
        run.seconds.toFixed(1),
        run.processorSeconds.toFixed(1),
        (megabytes / run.seconds).toFixed(1),
        (megabytes / run.processorSeconds).toFixed(1),
        (run.peakBytes / 1e6).toFixed(0),
        ...run.averageBytes.map((bytes) => (bytes / 1e6).toFixed(0)),
        workers === 1 ? "" : (first.seconds / run.seconds).toFixed(2),
      ]);
    }
    rmSync(file);
  }
  console.log(formatTable(rows));
  for (const [workers, [small, large]] of extremes) {
    const megabytes = large.megabytes - small.megabytes;
    if (megabytes <= 0) continue;
    const processorSeconds = large.processorSeconds - small.processorSeconds;
    console.log(
      `${workers} worker${workers > 1 ? "s" : ""}, from the smallest input to the largest (start and warming up left out): ${(megabytes / processorSeconds).toFixed(1)} MB a processor second`,
    );
  }
  console.log("");
}

/** MB/s of every step alone, in one thread that is warm. */
export async function timeSteps(lines: readonly string[], bytes: number): Promise<void> {
  const { h64Raw } = await xxhash();
  const clean = createCleaner(PROFILES.web, { hash: h64Raw, traces: 0 });
  const block = Buffer.from(`${thin(lines, bytes).join("\n")}\n`);
  clean(block, 1);
  const start = performance.now();
  const { milliseconds, statistics } = clean(block, 1);
  const total = performance.now() - start;
  const speed = (ms: number) => (ms < 0.5 ? "–" : (block.length / 1000 / ms).toFixed(0));
  const rows = Object.entries(milliseconds).map(([name, ms]) => [
    name,
    speed(ms),
    String(statistics.steps[name]?.changed ?? 0),
    String(Object.values(statistics.steps[name]?.dropped ?? {}).reduce((sum, count) => sum + count, 0)),
  ]);
  console.log(
    formatTable([["step", "MB/s", "changed", "dropped"], ...rows, ["all steps", speed(total), "", ""]]),
  );
  console.log("");
}
