import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createCleaner } from "../../../pipeline/clean.ts";
import type { SourceFormat } from "../../../pipeline/datasets-config.ts";
import { PROFILES } from "../../../pipeline/profiles.ts";
import { CorruptInput } from "../../../pipeline/readers/corrupt-input.ts";
import { openDocuments } from "../../../pipeline/readers/documents.ts";
import { readLineBlocks } from "../../../pipeline/readers/lines.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { warcRecord, warcResponse } from "./warc-file.ts";

/** No input of a few kB may take longer, or become more than this. */
const MAX_MILLISECONDS = 2000;
const MAX_OUTPUT_BYTES = 64_000_000;

const root = temporaryFolder();
const fixture = (name: string) => readFileSync(new URL(`../../fixtures/pipeline/${name}`, import.meta.url));
const records = Array.from({ length: 20 }, (_, i) => ({
  text: `Dokument ${i} ąę "\n`,
  meta: { url: `https://a.pl/${i}` },
}));
const jsonl = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
const html = "HTTP/1.1 200 OK\nContent-Type: text/html";
const warc = Buffer.concat([
  warcRecord("warcinfo", "", "software: test"),
  warcResponse(`${html}; charset=iso-8859-2`, Buffer.from([0xbf, 0xf3, 0xb3])),
  warcResponse(`${html}\nContent-Encoding: gzip`, gzipSync("<p>jeden</p>")),
  warcResponse(`${html}\nTransfer-Encoding: chunked`, "5\r\n<p>ok\r\n0\r\n\r\n"),
  warcRecord("conversion", "", "tekst"),
]);
/** Every reader and every compression; the other pairs of them share their code. */
const HEALTHY = {
  jsonl,
  "jsonl.gz": Buffer.concat([gzipSync(jsonl.subarray(0, 500)), gzipSync(jsonl.subarray(500))]),
  "jsonl.zst": Buffer.concat([
    zstdCompressSync(jsonl.subarray(0, 500)),
    zstdCompressSync(jsonl.subarray(500)),
  ]),
  json: Buffer.from(JSON.stringify(records)),
  parquet: fixture("snappy.parquet"),
  warc,
  "warc.gz": gzipSync(warc),
  wet: warc,
  "wet.gz": gzipSync(warc),
  html: Buffer.from("<html><body><p>żółw</body>"),
  txt: Buffer.from("tekst ąę"),
  xml: fixture("dump.xml"),
  "xml.bz2": fixture("multistream.xml.bz2"),
} satisfies Partial<Record<SourceFormat, Uint8Array>>;
const FUZZED = Object.keys(HEALTHY) as (keyof typeof HEALTHY)[];

/** A stream of pseudo-random whole numbers, the same in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Flips bits, sets bytes, cuts, repeats, moves and inserts pieces: one to four of these. */
function mutate(bytes: Uint8Array, random: (below: number) => number): Buffer {
  let mutated = Buffer.from(bytes);
  for (let changes = 1 + random(4); changes > 0 && mutated.length > 0; changes--) {
    const at = random(mutated.length);
    const piece = mutated.subarray(at, at + 1 + random(40));
    const to = random(mutated.length + 1);
    switch (random(6)) {
      case 0:
        mutated[at] = (mutated[at] as number) ^ (1 << random(8));
        break;
      case 1:
        mutated[at] = random(256);
        break;
      case 2:
        mutated = mutated.subarray(0, at);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + piece.length)]);
        break;
      case 4:
        mutated = Buffer.concat([mutated.subarray(0, to), piece, mutated.subarray(to)]);
        break;
      default:
        mutated = Buffer.concat([
          mutated.subarray(0, to),
          Buffer.alloc(1 + random(20), random(256)),
          mutated.subarray(to),
        ]);
    }
  }
  return mutated;
}

const clean = createCleaner(PROFILES.web, { hash: () => 0n, traces: 0 });

/** Reads and cleans an input; the documents it has, each of them kept or dropped for a reason. */
async function readAll(bytes: Uint8Array, format: SourceFormat): Promise<number> {
  const path = join(root, `fuzz.${format}`);
  if (format === "parquet") writeFileSync(path, bytes);
  async function* content() {
    yield bytes;
  }
  let documents = 0;
  let output = 0;
  const lines = openDocuments(path, format, {
    textColumn: "content",
    ...(format === "parquet" ? {} : { content: content() }),
  });
  for await (const block of readLineBlocks(lines)) {
    output += block.bytes.length;
    assert.ok(output <= MAX_OUTPUT_BYTES, `${output} bytes out of ${bytes.length}`);
    const { statistics } = clean(block.bytes, block.firstLine);
    const dropped = Object.values(statistics.steps).flatMap((step) => Object.values(step.dropped));
    const accounted = dropped.reduce((sum, count) => sum + count, statistics.documentsKept);
    assert.equal(statistics.documentsRead, accounted, "documents in = kept + dropped");
    documents += statistics.documentsRead;
  }
  return documents;
}

/** Tests every reader with so many mutated inputs; the same seed mutates in the same way. */
export function fuzzReaders({ inputs, seed }: { readonly inputs: number; readonly seed: number }): void {
  describe(`${inputs} mutated inputs a format: each is read or refused as corrupt, in time, and no document is lost`, () => {
    for (const format of FUZZED) test(format, () => fuzz(format, inputs, seeded(seed)));
  });
}

async function fuzz(
  format: (typeof FUZZED)[number],
  inputs: number,
  random: (below: number) => number,
): Promise<void> {
  const healthy = await readAll(HEALTHY[format], format);
  assert.ok(healthy > 0);
  let refused = 0;
  for (let i = 0; i < inputs; i++) {
    const bytes = mutate(HEALTHY[format], random);
    const start = performance.now();
    try {
      const documents = await readAll(bytes, format);
      // formats without a frame of their own: every line, or the file, is a document whatever is in it
      if (format === "jsonl")
        assert.equal(
          documents,
          bytes
            .toString("latin1")
            .split("\n")
            .filter((line) => line.trim() !== "").length,
        );
      if (format === "txt" || format === "html") assert.equal(documents, 1);
    } catch (error) {
      if (!(error instanceof CorruptInput)) {
        const what = error instanceof Error ? error.stack : String(error);
        assert.fail(`input ${i}, ${bytes.toString("base64")}: ${what}`);
      }
      refused += 1;
    }
    const spent = performance.now() - start;
    assert.ok(spent < MAX_MILLISECONDS, `input ${i} took ${spent} ms: ${bytes.toString("base64")}`);
  }
  if (/gz|zst|bz2|parquet|warc|xml|json$/.test(format))
    assert.ok(refused > 0, "no damage was noticed at all");
}
