import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FORMATS, type SourceFormat } from "../../../pipeline/datasets-config.ts";
import { CorruptInput } from "../../../pipeline/readers/corrupt-input.ts";
import { openDocuments } from "../../../pipeline/readers/documents.ts";
import { readLineBlocks } from "../../../pipeline/readers/lines.ts";
import { parseRecord } from "../../../pipeline/readers/record.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();
const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/pipeline/${name}`, import.meta.url));

/** Texts of a file's documents; `undefined` for lines that hold none. */
async function textsOf(path: string, format: SourceFormat): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for await (const { bytes } of readLineBlocks(openDocuments(path, format, { textColumn: "content" }))) {
    for (const line of Buffer.from(bytes).toString().trimEnd().split("\n")) {
      const parsed = parseRecord(Buffer.from(line));
      texts.push(parsed.ok ? parsed.record.text : undefined);
    }
  }
  return texts;
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

for (const codec of ["none", "snappy", "gzip", "brotli", "zstd"]) {
  test(`Parquet, ${codec}: every row is a document, one without text counts too`, async () => {
    const texts = await textsOf(fixture(`${codec}.parquet`), "parquet");
    assert.equal(texts.length, 26);
    assert.equal(texts[24], "Dokument numer 24: zażółć gęślą jaźń.");
    assert.equal(texts[25], undefined);
  });
}

test("a Parquet file without the text column names those it has", async () => {
  const documents = openDocuments(fixture("none.parquet"), "parquet", { textColumn: "body" });
  await assert.rejects(
    Array.fromAsync(documents),
    /has no column body; set `textColumn` to one of content, url, score/,
  );
});

const record = (type: string, headers: string, body: string | Buffer) => {
  const bytes = Buffer.from(body);
  const head = `WARC/1.0\r\nWARC-Type: ${type}\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from("\r\n\r\n")]);
};
const latin2 = Buffer.concat([
  Buffer.from("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-2\r\n\r\n<p>"),
  Buffer.from([0xbf, 0xf3, 0xb3, 0x77, 0x20, 0xb6, 0x70, 0x69]),
]);
const warc = Buffer.concat([
  record("warcinfo", "", "software: test"),
  record("response", "WARC-Target-URI: https://example.org/a\r\n", latin2),
  record("response", "", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\u0089PNG"),
  record("request", "", "GET / HTTP/1.1"),
]);

test("WARC: pages are documents, in the encoding their header states; images and requests are none", async () => {
  assert.deepEqual(await textsOf(write("a.warc", warc), "warc"), ["<p>żółw śpi"]);
  const members = Buffer.concat([gzipSync(warc), gzipSync(warc)]);
  assert.deepEqual(await textsOf(write("a.warc.gz", members), "warc.gz"), ["<p>żółw śpi", "<p>żółw śpi"]);
});

test("WET: every conversion is a document", async () => {
  const wet = Buffer.concat([record("conversion", "", "jeden"), record("conversion", "", "dwa ó")]);
  assert.deepEqual(await textsOf(write("a.wet", wet), "wet"), ["jeden", "dwa ó"]);
});

test("a text or page is one document, in UTF-8 or a Polish one-byte encoding", async () => {
  const bytes = (hex: string) => Buffer.from(hex, "hex");
  assert.deepEqual(await textsOf(write("a.txt", "żółw"), "txt"), ["żółw"]);
  assert.deepEqual(await textsOf(write("b.txt", bytes("77b9bf209cb96369")), "txt"), ["wąż śąci"]);
  assert.deepEqual(await textsOf(write("c.txt", bytes("77b1bf20b6b16369")), "txt"), ["wąż śąci"]);
  const page = Buffer.concat([Buffer.from('<meta charset="iso-8859-2">'), bytes("b1")]);
  assert.deepEqual(await textsOf(write("d.html", page), "html"), ['<meta charset="iso-8859-2">ą']);
});

describe("2,000 mutated inputs: each is read or refused as corrupt, never a crash", () => {
  const jsonl = Buffer.from(Array.from({ length: 30 }, (_, i) => `{"text":"Dokument ${i} ąę"}\n`).join(""));
  const healthy: Record<SourceFormat, Uint8Array> = {
    jsonl,
    "jsonl.gz": gzipSync(jsonl),
    "jsonl.zst": zstdCompressSync(jsonl),
    parquet: readFileSync(fixture("snappy.parquet")),
    warc,
    "warc.gz": gzipSync(warc),
    wet: warc,
    "wet.gz": gzipSync(warc),
    html: Buffer.from("<html><body><p>tekst</body>"),
    txt: Buffer.from("tekst"),
  };
  let state = 20;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  function mutate(bytes: Uint8Array): Uint8Array {
    const mutated = Buffer.from(bytes);
    for (let i = 0; i <= random(4); i++) mutated[random(mutated.length)] = random(256);
    return random(3) === 0 ? mutated.subarray(0, random(mutated.length)) : mutated;
  }

  for (const format of FORMATS) {
    test(format, async () => {
      let documents = 0;
      for (let i = 0; i < 200; i++) {
        const bytes = i % 20 === 0 ? healthy[format] : mutate(healthy[format]);
        const path = write(`fuzz.${format}`, bytes);
        try {
          documents += (await textsOf(path, format)).length;
        } catch (error) {
          assert.ok(
            error instanceof CorruptInput,
            `${format} ${i}: ${error instanceof Error ? error.stack : error}`,
          );
        }
      }
      assert.ok(documents > 0);
    });
  }
});
