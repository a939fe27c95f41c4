import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openCorpus, readTexts } from "../../pipeline/corpus.ts";
import { type IngestOptions, ingest } from "../../pipeline/ingest.ts";
import { sumStatistics } from "../../pipeline/results.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "../support/corpus.ts";
import { hashFolder, temporaryFolder } from "../support/folders.ts";
import { runWithStops } from "../support/stops.ts";

const root = temporaryFolder();
const config = join(root, "datasets.yaml");
writeDatasetsYaml(config, [
  { name: "first", path: "first.jsonl.zst" },
  { name: "second", path: "second-*.jsonl" },
]);
const documents = Array.from({ length: 400 }, (_, i) => ({
  text: polishText(i),
  meta: { url: `https://a.pl/${i}` },
}));
writeJsonl(join(root, "first.jsonl.zst"), documents.slice(0, 250));
writeJsonl(join(root, "second-a.jsonl"), [
  "{not json",
  { meta: {} },
  { text: "" },
  ...documents.slice(240, 300), // ten of them seen before
]);
writeJsonl(join(root, "second-b.jsonl"), [
  ...documents.slice(300),
  { text: polishText(7).toUpperCase() },
  { text: `${polishText(5)} I jeszcze jedno zdanie.` },
]);

const run = (out: string, options: Partial<IngestOptions> = {}) =>
  ingest({ config, out: join(root, out), workers: 2, shardTextBytes: 60_000, ...options }, silentContext());

/** Hashes of what a run wrote; its report tells times, which differ. */
function filesOf(folder: string): Record<string, string> {
  const { "report.html": report, ...files } = hashFolder(join(root, folder));
  assert.ok(report, "no report");
  return files;
}

async function textsOf(folder: string): Promise<string[]> {
  const { files } = await openCorpus(folder);
  const batches = await Promise.all(files.map((file) => Array.fromAsync(readTexts(file))));
  return batches.flat().flatMap(({ texts }) => texts);
}

test("every document read is kept or dropped for a reason, and the kept ones can be read back", async () => {
  const manifest = await run("clean");
  assert.equal(manifest.complete, true);
  const total = sumStatistics(manifest.datasets);
  assert.equal(total.documentsRead, 250 + 3 + 60 + 102);
  assert.equal(total.documentsKept, 400);
  const dropped = Object.fromEntries(
    Object.entries(total.steps).flatMap(([step, { dropped }]) =>
      Object.entries(dropped).map(([reason, count]) => [`${step}: ${reason}`, count]),
    ),
  );
  assert.deepEqual(dropped, {
    "read: not-json": 1,
    "read: no-text": 1,
    "length: empty": 1,
    "exact-dedup: duplicate": 11,
    "near-dedup: near-duplicate": 1,
  });
  assert.deepEqual(
    await textsOf(join(root, "clean")),
    documents.map(({ text }) => text),
  );
  assert.equal(manifest.shards.length, 2, "the second set's two files share one");
  assert.equal(
    manifest.shards.reduce((sum, shard) => sum + shard.documents, 0),
    400,
  );
  const rejects = readFileSync(join(root, "clean/rejects/read--not-json.jsonl"), "utf8");
  assert.deepEqual(JSON.parse(rejects), {
    dataset: "second",
    file: "second-a.jsonl",
    line: 1,
    step: "read",
    reason: "not-json",
    excerpt: "{not json",
  });
});

test("the number of workers does not change a byte", async () => {
  for (const workers of [1, 3]) {
    await run(`workers-${workers}`, { workers });
    assert.deepEqual(filesOf(`workers-${workers}`), filesOf("clean"), `${workers} workers, and two`);
  }
});

test("a run interrupted after every shard continues to the same bytes", async () => {
  const out = join(root, "interrupted");
  const options = { config, out, workers: 2, shardTextBytes: 60_000 };
  const stops = await runWithStops(
    (signal) => ingest(options, silentContext(signal)),
    () => shardsIn(out),
  );
  assert.ok(stops > 0, "the test never interrupted anything");
  assert.deepEqual(filesOf("interrupted"), filesOf("clean"));
});

function shardsIn(folder: string): number {
  try {
    return readdirSync(join(folder, "journal")).filter((name) => name.endsWith(".json")).length;
  } catch {
    return 0;
  }
}

test("--limit stops after that much input, on a whole line", async () => {
  const manifest = await run("limited", { limit: 100_000 });
  const { bytesRead } = sumStatistics(manifest.datasets);
  const lineBytes = 2000;
  assert.ok(bytesRead > 100_000 - lineBytes && bytesRead < 100_000 + lineBytes, `${bytesRead} bytes`);
  assert.equal(
    manifest.datasets[0]?.inputs[0]?.sha256,
    undefined,
    "a part of a file has no hash of the whole",
  );
  const texts = await textsOf(join(root, "limited"));
  assert.deepEqual(
    texts,
    documents.slice(0, texts.length).map(({ text }) => text),
  );
});

test("the same job is done once; another job in its folder is refused", async () => {
  const before = hashFolder(join(root, "clean"));
  await run("clean");
  assert.deepEqual(hashFolder(join(root, "clean")), before);
  await assert.rejects(run("clean", { only: ["first"] }), {
    name: "UserError",
    message: /another configuration/,
  });
});

test("a selection keeps the weights of its own groups", async () => {
  const yaml = join(root, "mixed.yaml");
  const source = (name: string, group: string, path: string) =>
    `  - {name: ${name}, kind: files, group: ${group}, licence: CC0-1.0, path: "${path}"}\n`;
  writeFileSync(
    yaml,
    `mix: {one: 93, two: 7}\nsources:\n${source("first", "one", "first.jsonl.zst")}${source("second", "two", "second-*.jsonl")}`,
  );
  assert.deepEqual((await run("mixed-all", { config: yaml })).mix, { one: 93, two: 7 });
  assert.deepEqual((await run("mixed-one", { config: yaml, only: ["first"] })).mix, { one: 93 });
});
