import assert from "node:assert/strict";
import { copyFileSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type IngestOptions, ingest } from "../../pipeline/ingest.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { sumStatistics } from "../../pipeline/results.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "../support/corpus.ts";
import { hashFolder, hashOutput, temporaryFolder } from "../support/folders.ts";
import { runWithStops } from "../support/stops.ts";

const root = temporaryFolder();
const SETS = ["first", "second", "added"];

/** A text, and others of which so many of its sentences differ. */
function variant(index: number, changed: number): string {
  const sentences = polishText(index).split(/(?<=\.) /);
  for (let i = 0; i < changed; i++) sentences[2 + i * 3] = `${polishText(5000 + index * 10 + i, 1)}`;
  return sentences.join(" ");
}

const texts: Record<string, string[]> = { first: [], second: [], added: [] };
for (let i = 0; i < 300; i++) {
  texts.first?.push(variant(i, 0));
  texts.second?.push(i < 40 ? variant(i, 2) : i < 60 ? variant(i, 1) : polishText(1000 + i));
  // near to both of the first two sets, whose texts are hardly near to each other
  texts.added?.push(i < 40 ? variant(i, 1) : polishText(2000 + i));
}
for (const name of SETS) {
  const lines = texts[name]?.map((text) => ({ text })) ?? [];
  writeJsonl(join(root, `${name}.jsonl`), lines);
}
const configOf = (...names: string[]) => {
  const path = join(root, `${names.join("-")}.yaml`);
  writeDatasetsYaml(
    path,
    names.map((name) => ({ name, path: `${name}.jsonl` })),
  );
  return path;
};
const run = (out: string, config: string, options: Partial<IngestOptions> = {}, signal?: AbortSignal) =>
  ingest(
    { config, out: join(root, out), workers: 1, shardTextBytes: 100_000, ...options },
    silentContext(signal),
  );

/** What other stages read: the shards and the manifest. */
function published(out: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(hashFolder(join(root, out))).filter(([path]) =>
      /^(manifest\.json|[^/]+\.zst)$/.test(path),
    ),
  );
}

/** When each shard was written: one that was done again has another inode. */
const inodes = (out: string) =>
  Object.fromEntries(
    readdirSync(join(root, out))
      .filter((name) => name.endsWith(".zst"))
      .map((name) => [name, statSync(join(root, out, name)).ino]),
  );

test("a data set more is cleaned alone, and the result is that of one run over all, it being the last", async () => {
  const before = await run("grown", configOf("first", "second"));
  const old = inodes("grown");
  // it stands between the others in the file, and is done behind them
  const after = await run("grown", configOf("first", "added", "second"));
  await run("at-once", configOf("first", "second", "added"));
  assert.deepEqual(published("grown"), published("at-once"));

  const dropped = (manifest: typeof after, dataset: string) =>
    manifest.datasets.find(({ name }) => name === dataset)?.statistics.steps["near-dedup"]?.dropped[
      "near-duplicate"
    ] ?? 0;
  assert.ok(dropped(before, "second") > 0);
  assert.ok(dropped(after, "second") > dropped(before, "second"), "no text joins two that were apart before");
  assert.equal(sumStatistics(after.datasets).documentsRead, 900);
  const first = Object.keys(old).filter((name) => name.startsWith("first"));
  assert.ok(first.length > 0);
  const now = inodes("grown");
  for (const name of first) assert.equal(now[name], old[name], `${name} was written again`);
});

test("stopped at any shard, the extension goes on to the same bytes", async () => {
  await run("stopped", configOf("first"));
  const config = configOf("first", "second", "added");
  const names = () =>
    readdirSync(join(root, "stopped/journal"))
      .filter((name) => /\.(json|unique)$/.test(name))
      .join();
  const stops = await runWithStops((signal) => run("stopped", config, {}, signal), names);
  assert.ok(stops > 0);
  assert.deepEqual(published("stopped"), published("at-once"));
});

/** The rejected documents of each kind, whatever their order. */
async function rejectsIn(out: string): Promise<Record<string, string[]>> {
  const rejects: Record<string, string[]> = {};
  for (const name of readdirSync(join(root, out, "rejects")).sort()) {
    const bytes = Buffer.concat(await Array.fromAsync(openBytes(join(root, out, "rejects", name))));
    rejects[name] = bytes.toString().trimEnd().split("\n").sort();
  }
  return rejects;
}

/** Files that hold rejects besides the published ones. */
const copiesIn = (out: string) =>
  readdirSync(join(root, out, "journal")).filter((name) => /reject/.test(name));

const [two, three] = [configOf("first", "second"), configOf("first", "second", "added")];
const all = { rejects: "all" } as const;

test("all rejects lie on disk once; an extension takes those of before from the published files", async () => {
  await run("all-grown", two, all);
  assert.deepEqual(copiesIn("all-grown"), []);
  const before = await rejectsIn("all-grown");
  await run("all-grown", three, all);
  await run("all-at-once", three, all);
  assert.deepEqual(copiesIn("all-grown"), []);
  assert.deepEqual(published("all-grown"), published("all-at-once"));
  const after = await rejectsIn("all-grown");
  assert.deepEqual(after, await rejectsIn("all-at-once"));
  const kind = "near-dedup--near-duplicate.jsonl.zst";
  assert.ok((after[kind]?.length ?? 0) > (before[kind]?.length ?? 0));
  assert.ok(before[kind]?.every((line) => after[kind]?.includes(line)));
});

test("the extension of all rejects goes on to the same bytes after any stop", async () => {
  await run("all-stopped", two, all);
  const names = () =>
    ["journal", "rejects"].map((folder) => readdirSync(join(root, "all-stopped", folder)).join()).join();
  const stops = await runWithStops((signal) => run("all-stopped", three, all, signal), names);
  assert.ok(stops > 0);
  assert.deepEqual(hashOutput(join(root, "all-stopped")), hashOutput(join(root, "all-grown")));
});

test("rejects that were taken away are missed before anything is done; put back, they are there again", async () => {
  await run("robbed", two, all);
  const path = join(root, "robbed/rejects/near-dedup--near-duplicate.jsonl.zst");
  const [stolen, left] = [join(root, "stolen"), hashFolder(join(root, "robbed"))];
  copyFileSync(path, stolen);
  truncateSync(path, 1);
  const message = /near-duplicate.jsonl.zst: 1 bytes, written were \d+; put it back as it was, or choose/;
  await assert.rejects(run("robbed", three, all), { name: "UserError", message });
  rmSync(path);
  await assert.rejects(run("robbed", three, all), {
    name: "UserError",
    message: /zst: missing; put it back/,
  });
  await run("robbed", two, all); // nothing to do: they are not needed
  copyFileSync(stolen, path);
  assert.deepEqual(hashFolder(join(root, "robbed")), left);
  await run("robbed", three, all);
  assert.deepEqual(hashOutput(join(root, "robbed")), hashOutput(join(root, "all-grown")));
});

test("a data set less, or one that changed, is another job", async () => {
  const refused = { name: "UserError", message: /another configuration/ };
  await assert.rejects(run("grown", configOf("first", "second")), refused);
  writeJsonl(join(root, "first.jsonl"), [{ text: polishText(1) }]);
  await assert.rejects(run("grown", configOf("first", "second", "added")), refused);
});
