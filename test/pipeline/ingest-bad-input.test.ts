import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { assertUserError, commandHost } from "../support/apt3.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "../support/corpus.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = temporaryFolder();
const healthy = Array.from({ length: 60 }, (_, i) => ({ text: polishText(i) }));
writeJsonl(join(root, "good.jsonl"), healthy);
const run = commandHost(root);
const ingest = (...words: string[]) => run("ingest", "--workers", "1", ...words);

test("a configuration that is missing or wrong is named with the place in it", async () => {
  assertUserError(await ingest("--config", "missing.yaml"), /missing\.yaml: no such file or folder/);
  assertUserError(await ingest("--config", "."), /ingest: \.: this is a folder, a file was expected/);
  const cases: [yaml: string, message: RegExp][] = [
    ["sources: [", /bad\.yaml:1: /],
    ["sources: []", /bad\.yaml:1: sources: .*>=1 items/],
    ["sources: [{name: a, kind: ftp}]", /bad\.yaml:1: sources\[0\]\.kind: .*found "ftp"/],
    [
      'sources: [{name: a, kind: files, group: g, licence: l, path: "*.jsonl", format: cvs}]',
      /bad\.yaml:1: sources\[0\]\.format: .*found "cvs"/,
    ],
    [
      'sources: [{name: a, kind: files, group: g, licence: l, path: "*.jsonl", colour: red}]',
      /bad\.yaml:1: sources\[0\]: Unrecognized key: "colour"/,
    ],
    [
      'sources: [{name: "../a", kind: files, group: g, licence: l, path: x}]',
      /sources\[0\]\.name: expected a name/,
    ],
    [
      "sources: [{name: a, kind: files, group: g, licence: l, path: x}, {name: a, kind: files, group: g, licence: l, path: y}]",
      /sources\[1\]\.name: the name a is taken by sources\[0\]\.name/,
    ],
    [
      "sources: [{name: a, kind: files, group: g, licence: l, path: none-*.jsonl}]",
      /no file matches .*none-\*\.jsonl/,
    ],
    [
      "sources: [{name: a, kind: files, group: g, licence: l, format: html, path: pages}]",
      /: a: .*pages is a folder; name its files in datasets\.yaml, such as `path: pages\/\*`/,
    ],
    [
      "sources: [{name: a, kind: files, licence: l, file: x}]",
      /sources\[0\]\.group is missing: expected string; sources\[0\]\.path is missing: .*; .*"file"/,
    ],
    [
      "sources: [{name: a, kind: files, group: g, licence: l, path: bad.yaml}]",
      /format not known by its name/,
    ],
  ];
  mkdirSync(join(root, "pages"));
  for (const [yaml, message] of cases) {
    writeFileSync(join(root, "bad.yaml"), yaml);
    assertUserError(await ingest("--config", "bad.yaml", "--out", "never"), message);
  }
});

test("wrong flags are named", async () => {
  assertUserError(await ingest("--workers", "0"), /--workers: expected at least 1/);
  assertUserError(await ingest("--limit", "lots"), /--limit: expected a size such as 200MB/);
  assertUserError(await ingest("--colour", "red"), /unknown option '--colour'/);
  writeDatasetsYaml(join(root, "good.yaml"), [{ name: "good", path: "good.jsonl" }]);
  assertUserError(
    await ingest("--config", "good.yaml", "--only", "bad"),
    /--only bad: no source or data set of that name/,
  );
});

test("a damaged input is published not at all, the others go on, and the exit code says so", async () => {
  const bytes = Buffer.from(healthy.map((record) => `${JSON.stringify(record)}\n`).join(""));
  writeFileSync(join(root, "cut.jsonl.zst"), zstdCompressSync(bytes));
  truncateSync(join(root, "cut.jsonl.zst"), 1000);
  writeFileSync(join(root, "cut.jsonl.gz"), gzipSync(bytes).subarray(0, 1500));
  writeFileSync(join(root, "lies.jsonl.zst"), "this is no zstd file");
  const damaged = [
    ["cut.jsonl.zst", /cut off inside a zstd block at byte 1000/],
    ["cut.jsonl.gz", /cut off inside the gzip stream/],
    ["lies.jsonl.zst", /not a zstd frame at byte 0/],
  ] as const;
  for (const [path, message] of damaged) {
    writeDatasetsYaml(join(root, "alone.yaml"), [{ name: "damaged", path }]);
    const alone = await ingest("--config", "alone.yaml", "--out", `alone-${path}`);
    assertUserError(alone, message);
  }
  writeDatasetsYaml(join(root, "mixed.yaml"), [
    { name: "damaged", path: "cut.jsonl.zst" },
    { name: "good", path: "good.jsonl" },
  ]);
  const mixed = await ingest("--config", "mixed.yaml", "--out", "mixed", "--json");
  assert.equal(mixed.code, 1, mixed.stderr);
  assert.match(
    mixed.stderr,
    /1 data set\(s\) left out, the others are done; first: .*cut\.jsonl\.zst: cut off/,
  );
  const again = await ingest("--config", "mixed.yaml", "--out", "mixed");
  assert.match(
    again.stdout,
    /60 of 60 documents kept/,
    "the documents of the damaged set must not count as seen",
  );
});

test("an input without documents, and one without any good document, is an error", async () => {
  writeFileSync(join(root, "empty.jsonl"), "\n  \n");
  writeDatasetsYaml(join(root, "empty.yaml"), [{ name: "nothing", path: "empty.jsonl" }]);
  assertUserError(await ingest("--config", "empty.yaml", "--out", "empty"), /nothing: no document in it/);
  writeJsonl(join(root, "short.jsonl"), [{ text: "Ala" }, { text: "ma kota" }]);
  writeDatasetsYaml(join(root, "short.yaml"), [{ name: "short", path: "short.jsonl" }]);
  assertUserError(
    await ingest("--config", "short.yaml", "--out", "short"),
    /short: all 2 documents were dropped, most often for length: too-short/,
  );
});

test("with --json, stdout is JSON lines that end in done or error", async () => {
  writeDatasetsYaml(join(root, "good.yaml"), [{ name: "good", path: "good.jsonl" }]);
  const good = await ingest("--config", "good.yaml", "--out", "json", "--json");
  const lines = good.stdout.trimEnd().split("\n");
  const last = JSON.parse(lines.at(-1) ?? "");
  assert.equal(last.event, "done");
  assert.equal(last.documentsKept, 60);
  const bad = await ingest("--config", "missing.yaml", "--json");
  assert.deepEqual(JSON.parse(bad.stdout), {
    event: "error",
    exitCode: 2,
    message: "missing.yaml: no such file or folder (ENOENT)",
  });
});
