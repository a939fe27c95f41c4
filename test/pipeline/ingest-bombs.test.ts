import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ingest } from "../../pipeline/ingest.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { polishText, writeDatasetsYaml } from "../support/corpus.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = temporaryFolder();
const MEGABYTE = 1 << 20;
/** More than a healthy input of this size takes: one worker, its start and 16 MiB of a line. */
const MOST_MORE = 400 * MEGABYTE;

/** Ten documents, a line of `megabytes`, ten documents: the line cheap to write, since its pieces are the same. */
function bomb(megabytes: number, compress: (bytes: Uint8Array) => Buffer): Buffer {
  const records = (from: number) =>
    Array.from({ length: 10 }, (_, i) => `${JSON.stringify({ text: polishText(from + i) })}\n`).join("");
  const piece = compress(Buffer.alloc(32 * MEGABYTE, "a "));
  return Buffer.concat([
    compress(Buffer.from(`${records(0)}{"text":"`)),
    ...Array.from({ length: megabytes / 32 }, () => piece),
    compress(Buffer.from(`"}\n${records(10)}`)),
  ]);
}

/** Ingests a file of bytes; the largest memory on the way. */
async function ingestFile(name: string, bytes: Uint8Array) {
  writeFileSync(join(root, name), bytes);
  const config = join(root, `${name}.yaml`);
  writeDatasetsYaml(config, [{ name: "a", path: name }]);
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  try {
    const options = { config, out: join(root, `${name}-out`), workers: 1, nearDedup: false };
    const { datasets } = await ingest(options, silentContext());
    return { statistics: datasets[0]?.statistics ?? assert.fail(), more: peak - before };
  } finally {
    clearInterval(watch);
  }
}

for (const [name, megabytes, compress] of [
  ["gigabyte.jsonl.zst", 1024, (bytes: Uint8Array) => zstdCompressSync(bytes)],
  ["half.jsonl.gz", 512, (bytes: Uint8Array) => gzipSync(bytes)],
  ["document.jsonl", 96, (bytes: Uint8Array) => Buffer.from(bytes)],
] as const) {
  test(`${megabytes} MB in one line (${name}) are counted, not held, and what stands around them is kept`, async () => {
    const bytes = bomb(megabytes, compress);
    if (name.endsWith(".zst")) assert.ok((megabytes * MEGABYTE) / bytes.length > 10_000, "10,000 to 1");
    const { statistics, more } = await ingestFile(name, bytes);
    assert.equal(statistics.documentsRead, 21);
    assert.equal(statistics.documentsKept, 20);
    assert.deepEqual(statistics.steps.read?.dropped, { "line-too-long": 1 });
    assert.ok(statistics.bytesRead > megabytes * MEGABYTE, "its bytes are counted too");
    assert.ok(more < MOST_MORE, `${Math.round(more / MEGABYTE)} MiB more`);
  });
}
