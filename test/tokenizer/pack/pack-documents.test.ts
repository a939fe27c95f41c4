import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseRecord } from "../../../pipeline/readers/record.ts";
import { DocumentReader } from "../../../tokenizer/documents.ts";
import { bestFit } from "../../../tokenizer/pack/rows/best-fit.ts";
import { documentStarts } from "../../../tokenizer/pack/shards/document-starts.ts";

/** JSON as Python writes it: everything outside ASCII escaped. */
const escapeAll = (json: string) =>
  json.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

function read(lines: string | Buffer) {
  const texts: string[] = [];
  const clusters: (string | undefined)[] = [];
  const rejected = new DocumentReader().read(Buffer.from(lines), (text, cluster) => {
    texts.push(Buffer.from(text).toString());
    clusters.push(cluster && Buffer.from(cluster).toString());
  });
  return { texts, clusters, rejected };
}

describe("reading documents", () => {
  it("gives the texts of all forms of JSON, escaped or not, as the record parser does", () => {
    const text = fc.string({
      unit: fc.constantFrom(
        "a",
        "ł",
        "\n",
        '"',
        "\\",
        "\t",
        "/",
        "𝄞",
        "\u0001",
        "\u0080",
        "\u00a0",
        "\ud834",
        "}",
      ),
    });
    const meta = fc.oneof(
      fc.record({ url: fc.string(), words: fc.integer(), cluster: fc.string({ unit: "binary" }) }),
      fc.constantFrom(undefined, null, 7, "{'url': 'x'}", ["lista"]),
    );
    const record = fc.oneof(
      fc.record({ text, meta }),
      fc.record({ meta, text }),
      fc.record({ text: fc.array(text), meta }),
      fc.record({ meta }),
    );
    const line = fc.tuple(record, fc.boolean(), fc.boolean(), fc.constantFrom("", "\uFEFF", " "));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const written = lines.map(([record, ascii, spaced, before]) => {
          const json = JSON.stringify(record, null, spaced ? 1 : 0).replaceAll("\n", "");
          return before + (ascii ? escapeAll(json) : json);
        });
        const parsed = written.map((line) => parseRecord(Buffer.from(line)));
        const expected = parsed.flatMap((result) => (result.ok && result.record.text) || []);
        const { texts, rejected } = read(written.join("\n"));
        assert.deepEqual(
          texts,
          expected.map((text) => text.toWellFormed()),
        );
        assert.equal(rejected, lines.length - expected.length);
      }),
      { numRuns: 300 },
    );
  });

  it("counts what is no document", () => {
    const lines = Buffer.concat([
      Buffer.from('{"text":"dobry"}\n{"text":"bez końca\n{"title":"bez tekstu"}\n\n{"text":""}\n{"text":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}\n["lista"]'),
    ]);
    assert.deepEqual(read(lines), { texts: ["dobry"], clusters: [undefined], rejected: 5 });
  });

  it("takes a line as JSON.parse does, however it goes on behind its text", () => {
    const good = [
      ['{"text":"a","text":"b"}', "b"],
      ['{"text":"a","te\\u0078t":"b"}', "b"],
      ['{"text":"a"}\r', "a"],
      ['{"text": "a", "meta": {"text": "b"}}', "a"],
      ['{"text":"a" , "meta":{}}', "a"],
      ['{"text":"a","n":1e3,"meta":{"x":[{}]}}', "a"],
      ['{"text":"a\\/b\\\\"}', "a/b\\"],
    ] as const;
    for (const [line, text] of good) {
      assert.equal(JSON.parse(line).text, text);
      assert.deepEqual(read(line).texts, [text], line);
    }
    for (const rest of [
      '"',
      '"} x',
      '",}',
      '","meta":{}',
      '","meta"}',
      '",,}',
      '"}}',
      '","meta":{}}}',
      '\t"}',
    ]) {
      assert.throws(() => JSON.parse(`{"text":"a${rest}`));
      assert.deepEqual(read(`{"text":"a${rest}`), { texts: [], clusters: [], rejected: 1 }, rest);
    }
  });

  it("takes the cluster of near-duplicates from meta alone", () => {
    const lines = [
      { text: "raz", meta: { cluster: "c7", url: "x" } },
      { text: "dwa", meta: { cluster: 7 } },
      { text: '"cluster": to nie tu', meta: {} },
      { text: "trzy", meta: { tags: { cluster: "inny" } } },
      { text: "cztery", meta: { cluster: "źródło" } },
    ].map((record) => JSON.stringify(record));
    const expected = ["c7", "7", undefined, undefined, "źródło"];
    for (const written of [lines, lines.map(escapeAll)]) {
      assert.deepEqual(read(written.join("\n")).clusters, expected);
    }
  });
});

describe("best fit", () => {
  it("puts every piece into a row with room for it, in few rows", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 300 });
    fc.assert(
      fc.property(lengths, (lengths) => {
        const { row, rows } = bestFit(Uint32Array.from(lengths), 100);
        const filled = new Array<number>(rows).fill(0);
        for (const [piece, length] of lengths.entries()) filled[row[piece]!]! += length;
        assert.ok(filled.every((length) => length > 0 && length <= 100));
        const halves = filled.filter((length) => length <= 50).length;
        assert.ok(halves <= 1, "two half-empty rows would have been joined");
      }),
    );
  });

  it("fills rows that can be filled to the end", () => {
    const { rows } = bestFit(Uint32Array.from([60, 30, 50, 40, 10, 50, 70, 30, 40, 20]), 100);
    assert.equal(rows, 4);
  });
});

describe("document starts", () => {
  const marks = { bosId: 1, eosId: 2, padId: 3 };
  it("are where <s> stands, where </s> was, and where padding begins", () => {
    const row = Uint16Array.of(9, 9, 2, 1, 9, 2, 1, 9, 2, 3, 3);
    assert.deepEqual(documentStarts(row, marks), [0, 3, 6, 9]);
    assert.deepEqual(documentStarts(Uint16Array.of(9, 1, 9), { ...marks, eosId: undefined }), [0, 1]);
    assert.deepEqual(documentStarts(Uint16Array.of(9, 2, 9), { ...marks, bosId: undefined }), [0, 2]);
  });
});
