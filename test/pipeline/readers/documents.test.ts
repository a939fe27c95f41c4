import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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

test("every plain format can be compressed in every way", async () => {
  const jsonl = `${JSON.stringify({ text: "zażółć" })}\n`;
  const plain: Record<string, string | Buffer> = {
    jsonl,
    json: `[${jsonl}]`,
    txt: "zażółć",
    html: "<p>zażółć</p>",
    xml: readFileSync(fixture("dump.xml")),
    wet: Buffer.from(`WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 10\r\n\r\nzażółć\r\n\r\n`),
  };
  plain.warc = plain.wet as Buffer;
  for (const [name, content] of Object.entries(plain)) {
    const expected = await textsOf(write(`plain.${name}`, content), name as SourceFormat);
    assert.ok(expected.length > 0);
    for (const [ending, compress] of [
      ["gz", gzipSync],
      ["zst", zstdCompressSync],
    ] as const) {
      const format = `${name}.${ending}` as SourceFormat;
      assert.ok(FORMATS.includes(format), format);
      assert.deepEqual(await textsOf(write(`file.${format}`, compress(content)), format), expected, format);
    }
    assert.ok(FORMATS.includes(`${name}.bz2` as SourceFormat));
  }
});

test("a Parquet file without the text column names those it has", async () => {
  const documents = openDocuments(fixture("none.parquet"), "parquet", { textColumn: "body" });
  await assert.rejects(
    Array.fromAsync(documents),
    /has no column body; set `textColumn` to one of content, url, score/,
  );
});

test("Parquet: lists of paragraphs are texts, structs and numbers are refused with the columns there are", async () => {
  assert.deepEqual(await textsOf(fixture("lists.parquet"), "parquet"), [
    "jeden\n\ndwa",
    "",
    undefined,
    "trzy",
  ]);
  const of = (textColumn: string, path: string) =>
    Array.fromAsync(openDocuments(fixture(path), "parquet", { textColumn }));
  await assert.rejects(
    of("info", "lists.parquet"),
    /column info holds groups of columns, no text; .* content, info/,
  );
  await assert.rejects(of("score", "none.parquet"), /column score holds DOUBLE values, no text/);
});

test("Parquet: a row group of 80 MB in a file of 10 kB is read in parts, every row once", async () => {
  const ends = (await textsOf(fixture("long.parquet"), "parquet")).map((text) => text?.slice(100_000));
  assert.deepEqual(
    ends,
    Array.from({ length: 800 }, (_, i) => String(i)),
  );
});

test("a text or page is one document, in UTF-8 or a Polish one-byte encoding", async () => {
  const bytes = (hex: string) => Buffer.from(hex, "hex");
  assert.deepEqual(await textsOf(write("a.txt", "żółw"), "txt"), ["żółw"]);
  assert.deepEqual(await textsOf(write("b.txt", bytes("77b9bf209cb96369")), "txt"), ["wąż śąci"]);
  assert.deepEqual(await textsOf(write("c.txt", bytes("77b1bf20b6b16369")), "txt"), ["wąż śąci"]);
  const page = Buffer.concat([Buffer.from('<meta charset="iso-8859-2">'), bytes("b1")]);
  assert.deepEqual(await textsOf(write("d.html", page), "html"), ['<meta charset="iso-8859-2">ą']);
});

test("UTF-16 is read with its mark and without; a page's private characters are letters of one byte", async () => {
  const text = "Zażółć gęślą jaźń, rzekł Łukasz. ".repeat(300);
  for (const wide of [text, `\uFEFF${text}`, "kot i pies", "ą"].map((part) => Buffer.from(part, "utf16le"))) {
    const expected = wide.toString("utf16le").replace("\uFEFF", "");
    const isTold = expected !== "ą"; // two bytes tell nothing
    for (const [name, bytes] of [
      ["le.txt", wide],
      ["be.txt", Buffer.from(wide).swap16()],
    ] as const) {
      const [read] = await textsOf(write(name, bytes), "txt");
      assert.equal(read === expected, isTold, name);
    }
  }
  const zeros = Buffer.concat([Buffer.from("kot"), Buffer.alloc(50), Buffer.from("i pies")]);
  assert.deepEqual(await textsOf(write("zeros.txt", zeros), "txt"), [zeros.toString()]);
  const declared = Buffer.concat([
    Buffer.from('<meta charset="x-user-defined">w'),
    Buffer.from([0xb9, 0xbf]),
  ]);
  assert.deepEqual(await textsOf(write("own.html", declared), "html"), [
    '<meta charset="x-user-defined">wąż',
  ]);
});

test("a JSON array, as Speakleash's samples are, has a document a member", async () => {
  const path = write("a.sample", `\uFEFF[{"text":"jeden","meta":{}},\n{"text":["dwa","trzy"]}, 7, null]`);
  assert.deepEqual(await textsOf(path, "json"), ["jeden", "dwa\n\ntrzy", undefined, undefined]);
  const deep = `${"[".repeat(1e5)}${"]".repeat(1e5)}`;
  const nested = await Array.fromAsync(
    openDocuments(write("deep.json", `[${deep},{"text":"b"}]`), "json", { textColumn: "text" }),
  );
  assert.deepEqual(nested.map(String), ['{"dropped":"nested-too-deeply","meta":{}}\n', '{"text":"b"}\n']);
  for (const [content, message] of [
    ['{"text":"a"}', /holds no JSON array/],
    ['[{"text":"a"}', /not valid JSON/],
    ["[".repeat(100_000), /not valid JSON/],
  ] as const) {
    await assert.rejects(textsOf(write("b.sample", content), "json"), message);
  }
});

test("gzip: members follow each other, padding is passed over, other bytes behind the end are refused", async () => {
  const members = Buffer.concat([gzipSync('{"text":"a"}\n'), gzipSync('{"text":"b"}\n')]);
  assert.deepEqual(await textsOf(write("m.gz", members), "jsonl.gz"), ["a", "b"]);
  await assert.rejects(textsOf(write("no.gz", Buffer.from('{"text":"a"}\n')), "jsonl.gz"), {
    name: "CorruptInput",
    message: "damaged gzip stream (Z_DATA_ERROR)",
  });
  const padded = Buffer.concat([members, Buffer.alloc(512)]);
  assert.deepEqual(await textsOf(write("p.gz", padded), "jsonl.gz"), ["a", "b"]);
  const more = Buffer.concat([members, Buffer.alloc(3), gzipSync('{"text":"lost"}\n')]);
  await assert.rejects(textsOf(write("q.gz", more), "jsonl.gz"), /bytes behind the gzip stream/);
  await assert.rejects(
    textsOf(write("r.gz", Buffer.concat([members, Buffer.from("x")])), "jsonl.gz"),
    CorruptInput,
  );
});

test("a file that is not there is its source's trouble", async () => {
  const gone = { name: "CorruptInput", message: "cannot be read (ENOENT)" };
  await assert.rejects(textsOf(join(root, "none.jsonl"), "jsonl"), gone);
  await assert.rejects(textsOf(join(root, "none.parquet"), "parquet"), gone);
});
