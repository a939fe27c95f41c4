import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { ingest } from "../../pipeline/ingest.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "../support/corpus.ts";
import { hashOutput, temporaryFolder } from "../support/folders.ts";
import { runWithStops } from "../support/stops.ts";

const root = temporaryFolder();
const config = join(root, "datasets.yaml");
writeDatasetsYaml(config, [{ name: "many", path: "part-*.jsonl" }]);

/** Sixty files of 20 kB, and in the middle one of 3 MB. */
const FILES = 60;
const MIDDLE = 30;
const SHARD = 500_000;
let documents = 0;
for (let file = 0; file < FILES; file++) {
  const own = Array.from({ length: file === MIDDLE ? 3000 : 20 }, () => ({ text: polishText(documents++) }));
  writeJsonl(join(root, `part-${String(file).padStart(3, "0")}.jsonl`), own);
}

function run(out: string, { limit, signal }: { limit?: number; signal?: AbortSignal } = {}) {
  const options = {
    config,
    out: join(root, out),
    limit,
    workers: 2,
    shardTextBytes: SHARD,
    nearDedup: false,
  };
  return ingest(options, silentContext(signal));
}

function unitsIn(out: string): number {
  try {
    return readdirSync(join(root, out, "journal")).filter((name) => name.endsWith(".json")).length;
  } catch {
    return 0;
  }
}

test("small files fill a shard together, a large one several, and every document keeps its own name", async () => {
  const manifest = await run("whole");
  const bytes = manifest.shards.reduce((sum, { textBytes }) => sum + textBytes, 0);
  // a shard may end one block, 1 MB, behind the size it has to reach
  assert.ok(manifest.shards.length <= Math.ceil(bytes / SHARD), `${manifest.shards.length} shards`);
  assert.ok(manifest.shards.length >= 4, `${manifest.shards.length} shards`);
  const inputs = manifest.datasets[0]?.inputs ?? [];
  assert.deepEqual(
    inputs.map(({ lines, sha256 }) => [lines, sha256?.length]),
    Array.from({ length: FILES }, (_, file) => [file === MIDDLE ? 3000 : 20, 64]),
  );
  const ids = manifest.shards.flatMap(({ file }) =>
    zstdDecompressSync(readFileSync(join(root, "whole", file)))
      .toString()
      .trimEnd()
      .split("\n")
      .map((line): string => JSON.parse(line).meta.id),
  );
  assert.equal(new Set(ids).size, documents);
  assert.deepEqual([ids[0], ids.at(-1)], ["many/0:1", "many/59:20"]);
});

/** Stops a run whenever a shard is finished, until it has come to its end. */
const stopAtShards = (out: string, limit?: number) =>
  runWithStops(
    (signal) => run(out, { ...(limit === undefined ? {} : { limit }), signal }),
    () => unitsIn(out),
  );

test("stopped after every shard, inside files and between them, it goes on to the same bytes", async () => {
  assert.ok((await stopAtShards("stopped")) >= 2);
  assert.deepEqual(hashOutput(join(root, "stopped")), hashOutput(join(root, "whole")));
});

test("a limit counts what was read before a stop", async () => {
  const limit = 2_500_000;
  const manifest = await run("limited", { limit });
  const read = manifest.datasets[0]?.statistics.bytesRead ?? 0;
  assert.ok(read > limit - 10_000 && read < limit + 10_000, `${read} bytes read`);
  assert.ok((await stopAtShards("limited-stopped", limit)) >= 1);
  assert.deepEqual(hashOutput(join(root, "limited-stopped")), hashOutput(join(root, "limited")));
});
