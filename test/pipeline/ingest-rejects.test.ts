import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type IngestOptions, ingest } from "../../pipeline/ingest.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { sumStatistics } from "../../pipeline/results.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "../support/corpus.ts";
import { hashOutput, temporaryFolder } from "../support/folders.ts";
import { runWithStops } from "../support/stops.ts";

const root = temporaryFolder();
const config = join(root, "datasets.yaml");
writeDatasetsYaml(config, [
  { name: "first", path: "first.jsonl" },
  { name: "second", path: "second-*.jsonl" },
]);
const long = polishText(1, 4000);
const english = (i: number) =>
  `The ${i}th of the long winters that the old town had seen came with snow. `.repeat(20 + i).trim();
const texts = Array.from({ length: 400 }, (_, i) =>
  i % 4 === 0 ? english(i) : i % 4 === 1 ? `krótki ${i}` : polishText(i % 300),
);
writeJsonl(
  join(root, "first.jsonl"),
  texts.map((text) => ({ text })),
);
writeJsonl(join(root, "second-a.jsonl"), [
  `{not json ${long}`,
  { text: `${polishText(2)} I jeszcze jedno zdanie.` },
]);
writeJsonl(join(root, "second-b.jsonl"), [{ meta: {} }, { text: "lone \ud800" }, { text: long }]);

const run = (out: string, options: Partial<IngestOptions> = {}, signal?: AbortSignal) =>
  ingest(
    { config, out: join(root, out), workers: 2, shardTextBytes: 60_000, rejects: "all", ...options },
    silentContext(signal),
  );

interface RejectLine {
  readonly text: string;
  readonly meta: {
    readonly id: string;
    readonly file: string;
    readonly line: number;
    readonly reason: string;
  };
}

/** Every dropped document of a run by its kind, in order. */
async function rejectsIn(out: string): Promise<Record<string, RejectLine[]>> {
  const rejects: Record<string, RejectLine[]> = {};
  for (const name of readdirSync(join(root, out, "rejects")).sort()) {
    assert.match(name, /\.jsonl\.zst$/);
    const bytes = Buffer.concat(await Array.fromAsync(openBytes(join(root, out, "rejects", name))));
    rejects[name.slice(0, -".jsonl.zst".length)] = bytes
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  }
  return rejects;
}

test("with all rejects, each dropped document is in its reason's file once, whole, with file and line", async () => {
  const manifest = await run("all");
  const { steps, documentsRead, documentsKept } = sumStatistics(manifest.datasets);
  const counted = Object.entries(steps).flatMap(([step, { dropped }]) =>
    Object.entries(dropped).map(([reason, documents]) => [`${step}--${reason}`, documents] as const),
  );
  const rejects = await rejectsIn("all");
  assert.deepEqual(
    Object.entries(rejects).map(([kind, lines]) => [kind, lines.length]),
    counted.sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const all = Object.values(rejects).flat();
  assert.equal(all.length, documentsRead - documentsKept);
  assert.equal(new Set(all.map(({ meta }) => meta.id)).size, all.length);
  for (const { text, meta } of all.filter(({ meta }) => meta.file === "first.jsonl"))
    assert.equal(text, texts[meta.line - 1], `${meta.id} is dropped for ${meta.reason}`);
  const [unreadable] = rejects["read--not-json"] ?? assert.fail();
  assert.equal(unreadable?.text, `{not json ${long}`);
  assert.deepEqual(
    [unreadable?.meta.file, unreadable?.meta.line, unreadable?.meta.id],
    ["second-a.jsonl", 1, "second/0:1"],
  );
  assert.equal(rejects["read--no-text"]?.[0]?.meta.id, "second/1:1");
  assert.ok((rejects["exact-dedup--duplicate"]?.length ?? 0) >= 50);
  assert.equal(rejects["near-dedup--near-duplicate"]?.[0]?.meta.id, "second/0:2");
});

test("they are the same for any number of workers and after any stop; without asking there are only examples", async () => {
  await run("one-worker", { workers: 1 });
  assert.deepEqual(hashOutput(join(root, "one-worker")), hashOutput(join(root, "all")));
  const journal = join(root, "stopped", "journal");
  const done = () =>
    existsSync(journal) ? readdirSync(journal).filter((name) => /json$|unique$/.test(name)).length : 0;
  const stops = await runWithStops((signal) => run("stopped", {}, signal), done);
  assert.ok(stops > 0);
  assert.deepEqual(hashOutput(join(root, "stopped")), hashOutput(join(root, "all")));

  await run("sampled", { rejects: "sampled" });
  const names = readdirSync(join(root, "sampled/rejects"));
  assert.ok(
    names.every((name) => name.endsWith(".jsonl")),
    names.join(),
  );
  assert.ok(!readdirSync(join(root, "sampled/journal")).some((name) => name.endsWith(".rejected")));
});
