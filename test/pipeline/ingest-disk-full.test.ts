import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, relative } from "node:path";
import { before, test } from "node:test";
import { ingest } from "../../pipeline/ingest.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { describeFailure } from "../../pipeline/runtime/errors.ts";
import { polishText } from "../support/corpus.ts";
import { hashOutput, temporaryFolder } from "../support/folders.ts";
import { type Answer, fileServer, serve } from "./sources/file-server.ts";

/**
 * A disk that runs full at any of the points where ingest writes. The system's writes are stood in for: at the chosen
 * point half of the bytes are taken, then none. (`test/disk-full.test.ts` has a disk that is really full.)
 */
const root = temporaryFolder();
const config = join(root, "datasets.yaml");
const server = fileServer();
const canTellFiles = existsSync("/proc/self/fd");

type Write = FileHandle["write"];
let prototype: { write: Write };
let original: Write;

before(async () => {
  const handle = await open(join(root, "any"), "w");
  prototype = Object.getPrototypeOf(handle);
  original = prototype.write;
  await handle.close();
  const urls = bodies.map((_, file) => `${server.base}${file}.jsonl`).join();
  writeFileSync(
    config,
    `downloads: raw
thresholds: {all: {maxDocumentsPerLine: 20}}
sources: [{name: a, kind: http, group: all, licence: CC0-1.0, urls: [${urls}]}]
`,
  );
});

/** One document in ten is foreign, one an exact duplicate, one a near one, and all have a line in common. */
const menu = "Strona główna serwisu, aktualności z regionu i wszystkie dawne wydania";
const documents = Array.from({ length: 60 }, (_, i) => {
  if (i % 10 === 3) return `The winter in the old town was long and the snow was deep. `.repeat(9);
  const text =
    i % 10 === 5 ? polishText(i - 1) : i % 10 === 7 ? `${polishText(i - 1)} A to już koniec.` : polishText(i);
  return `${text}\n${menu}`;
});
/** So many files that the runs of keys, one of each, are merged. */
const FILES = 8;
const bodies = Array.from({ length: FILES }, (_, file) => {
  const some = documents.filter((_, i) => Math.floor((i * FILES) / documents.length) === file);
  return Buffer.from(some.map((text) => `${JSON.stringify({ text })}\n`).join(""));
});

const answer: Answer = (request, response) => {
  const file = Number(/\d+/.exec(request.url ?? "")?.[0]);
  serve(bodies[file] as Buffer)(request, response);
};
const answers = Array.from({ length: 2 * FILES }, () => answer);

/** Every file that a run writes, as `pointOf` names them. */
const EVERY_POINT = [
  "a-N.jsonl.zst",
  "a-N.lines-H.jsonl.zst",
  "a-N.lines.jsonl.zst",
  "a/N.jsonl",
  "a/N.jsonl.partial.json",
  "journal/a-N.H.rejected",
  "journal/a-N.bands",
  "journal/a-N.clean.rejected",
  "journal/a-N.json",
  "journal/a-N.keys",
  "journal/a-N.lines",
  "journal/a-N.lines.bands",
  "journal/a-N.unique",
  "journal/a.line-keys/N",
  "journal/seen-keys/N",
  "journal/seen-keys/merged",
  "manifest.json",
  "manifest.json, complete",
  "rejects/exact-dedup--duplicate.jsonl.zst",
  "rejects/language--language-en.jsonl.zst",
  "rejects/near-dedup--near-duplicate.jsonl.zst",
  "report.html",
  "traces/line-dedup.jsonl",
  "traces/white-space.jsonl",
];

/** A file's name without what differs between files of its kind. */
function pointOf(fd: number, bytes: Uint8Array): string {
  const isComplete = Buffer.from(bytes).includes('"complete": true');
  const path = relative(root, readlinkSync(`/proc/self/fd/${fd}`));
  const kind = path
    .replace(/^[^/]*\//, "")
    .replace(/\.partial$/, "")
    .replace(/seen-keys\/8$/, "seen-keys/merged") // 0 to 7 are what is merged
    .replaceAll(/\b\d+\b/g, "N")
    .replaceAll(/\b[0-9a-f]{8}\b/g, "H");
  return isComplete ? `${kind}, complete` : kind;
}

/** Runs ingest into a folder; `full` says whether there is no more room when a file of this kind is written. */
async function run(out: string, full: (point: string) => boolean): Promise<unknown> {
  let isFull = false;
  prototype.write = async function (this: FileHandle, ...words: unknown[]) {
    const [bytes, offset, length, position] = words as [Uint8Array, number, number, number | null];
    if (isFull) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    isFull = full(pointOf(this.fd, bytes));
    return await Reflect.apply(original, this, [bytes, offset, isFull ? length >> 1 : length, position]);
  } as Write;
  try {
    const options = {
      config,
      out: join(root, out),
      workers: 1,
      shardTextBytes: 60_000,
      recentKeys: 1,
      rejects: "all" as const,
    };
    await ingest(options, silentContext());
    return undefined;
  } catch (error) {
    return error;
  } finally {
    prototype.write = original;
  }
}

/** Every file that has its name is whole, and no manifest says that all is done. */
async function assertNothingIncomplete(folder: string, point: string): Promise<void> {
  if (!existsSync(folder)) return; // it was the download that did not come to its end
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of names.filter((entry) => entry.isFile() && !entry.name.endsWith(".partial"))) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith(".zst")) await Array.fromAsync(openBytes(path));
    if (/\.(json|lines|unique)$/.test(entry.name)) JSON.parse(readFileSync(path, "utf8"));
  }
  const manifest = join(folder, "manifest.json");
  if (existsSync(manifest)) assert.equal(JSON.parse(readFileSync(manifest, "utf8")).complete, false, point);
}

test("a disk that runs full at any point of a run: one line, nothing incomplete, and the next run goes on", {
  skip: canTellFiles ? false : "no /proc to tell files by",
}, async () => {
  const points = new Set<string>();
  server.script(...answers);
  assert.equal(await run("whole", (point) => !points.add(point)), undefined);
  assert.deepEqual([...points].sort(), EVERY_POINT);

  rmSync(join(root, "raw"), { recursive: true });
  for (const point of points) {
    server.script(...answers);
    const { exitCode, message } = describeFailure(await run("full", (written) => written === point));
    assert.equal(exitCode, 2, `${point}: ${message}`);
    assert.match(
      message,
      /^\S+: disk full: free some space and run the same command again; finished work is kept/,
    );
    assert.doesNotMatch(message, /\n/);
    await assertNothingIncomplete(join(root, "full"), point);
    for (const [file, body] of bodies.entries()) {
      const path = join(root, `raw/a/${file}.jsonl`);
      assert.ok(!existsSync(path) || readFileSync(path).equals(body), `${point}: ${path}`);
    }
  }
  assert.equal(await run("full", () => false), undefined);
  assert.deepEqual(hashOutput(join(root, "full")), hashOutput(join(root, "whole")));
});
