import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { SpilledKeys } from "../../../pipeline/dedup/spilled-keys.ts";
import { ingest } from "../../../pipeline/ingest.ts";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { polishText, writeJsonl } from "../../support/corpus.ts";
import { hashOutput, temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();

test("of any number of keys, those that came more often than allowed are found in order", async () => {
  const folder = join(root, "keys");
  const keys = await SpilledKeys.create(folder);
  // key i comes i % 5 times, over all buckets and past the buffers
  const key = (i: number) => BigInt.asUintN(64, BigInt(i) * 0x9e3779b97f4a7c15n);
  for (let round = 1; round < 5; round++) {
    for (let i = 0; i < 20_000; i++) if (i % 5 >= round) await keys.add(key(i));
  }
  const expected = Array.from({ length: 20_000 }, (_, i) => i)
    .filter((i) => i % 5 > 2)
    .map(key)
    .sort((a, b) => (a < b ? -1 : 1));
  assert.deepEqual(await Array.fromAsync(keys.moreOftenThan(2)), expected);
  assert.equal(existsSync(folder), false);
});

const TEMPLATE = "Administrator serwisu nie ponosi odpowiedzialności za treść wypowiedzi użytkowników forum.";
const NOTICE = "Zapraszamy do sklepu przy rynku w Krakowie.\nCzynne od wtorku do soboty.";
/** Of 30 texts, 5 hold the template, 20 the notice as a paragraph; one is hardly more than the notice. */
const texts = Array.from({ length: 30 }, (_, i) => {
  const parts = [polishText(i, 6), polishText(100 + i, 6)];
  if (i < 5) parts[0] += `\n${TEMPLATE}`;
  if (i >= 10) parts.splice(1, 0, NOTICE);
  return i === 29 ? `${NOTICE}\n\n${polishText(i, 1)}` : parts.join("\n\n");
});
writeJsonl(
  join(root, "a.jsonl"),
  texts.map((text) => ({ text })),
);

function run(out: string, thresholds: string, signal?: AbortSignal) {
  const config = join(root, `${out}.yaml`);
  writeFileSync(
    config,
    `thresholds: {datasets: {a: {${thresholds}}}}\nsources: [{name: a, kind: files, group: g, profile: sentences, licence: l, path: a.jsonl}]\n`,
  );
  return ingest({ config, out: join(root, out), workers: 1 }, silentContext(signal));
}

const textsIn = (out: string, files: readonly { file: string }[]) =>
  files.flatMap(({ file }) =>
    zstdDecompressSync(readFileSync(join(root, out, file)))
      .toString()
      .trimEnd()
      .split("\n")
      .map((line): { text: string; meta: { changedBy?: string[] } } => JSON.parse(line)),
  );

test("lines and paragraphs of too many documents go from all of them, each under its own limit", async () => {
  const off = await run("off", "minCharacters: 20");
  assert.equal(textsIn("off", off.shards).filter(({ text }) => text.includes(NOTICE)).length, 20);

  const manifest = await run("on", "minCharacters: 20, maxDocumentsPerLine: 4, maxDocumentsPerParagraph: 19");
  const documents = textsIn("on", manifest.shards);
  assert.equal(documents.length, 30);
  assert.ok(!documents.some(({ text }) => text.includes(TEMPLATE) || text.includes("Zapraszamy do sklepu")));
  assert.equal(documents[0]?.text, `${polishText(0, 6)}\n\n${polishText(100, 6)}`);
  assert.equal(documents[12]?.text, `${polishText(12, 6)}\n\n${polishText(112, 6)}`);
  assert.deepEqual(documents[12]?.meta.changedBy, ["line-dedup"]);
  assert.deepEqual(documents[7], textsIn("off", off.shards)[7], "a text without them stays as it is");
  assert.equal(manifest.datasets[0]?.statistics.steps["line-dedup"]?.changed, 25);

  const higher = await run(
    "higher",
    "minCharacters: 20, maxDocumentsPerLine: 5, maxDocumentsPerParagraph: 20",
  );
  const kept = textsIn("higher", higher.shards);
  assert.equal(kept.filter(({ text }) => text.includes(TEMPLATE)).length, 5, "5 is not more than 5");
  // the notice's lines stand in 20 documents, more than the 5 a line may
  assert.ok(!kept.some(({ text }) => text.includes("Zapraszamy do sklepu")));
});

test("a document of which too little is left is dropped, and near-dedup still counts right", async () => {
  const manifest = await run("short", "minCharacters: 160, minWords: 4, maxDocumentsPerParagraph: 19");
  const documents = textsIn("short", manifest.shards);
  const { statistics } = manifest.datasets[0] ?? assert.fail();
  assert.equal(documents.length, 29);
  assert.deepEqual(statistics.steps["line-dedup"]?.dropped, { "only-repeated-lines": 1 });
  assert.equal(statistics.steps["near-dedup"]?.documentsIn, 29);
  assert.equal(
    statistics.textBytesKept,
    documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
  );
  const again = await run("short", "minCharacters: 160, minWords: 4, maxDocumentsPerParagraph: 19");
  assert.deepEqual(again, manifest);
  assert.deepEqual(
    Object.keys(hashOutput(join(root, "short"))).filter((path) => /^[^/]+\.zst$/.test(path)),
    manifest.shards.map(({ file }) => file),
    "the shards that others took the place of are gone",
  );
});
