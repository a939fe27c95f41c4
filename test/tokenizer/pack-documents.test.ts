import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bestFit } from "../../tokenizer/pack/best-fit.ts";
import { documentStarts } from "../../tokenizer/pack/document-starts.ts";
import { readDocuments } from "../../tokenizer/pack/documents.ts";

function read(lines: string | Buffer, ours: boolean) {
  const texts: string[] = [];
  const clusters: (string | undefined)[] = [];
  const rejected = readDocuments(Buffer.from(lines), ours, (text, cluster) => {
    texts.push(Buffer.from(text).toString());
    clusters.push(cluster);
  });
  return { texts, clusters, rejected };
}

describe("reading documents", () => {
  it("unescapes our own lines to the text JSON.parse gives", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "ł", "\n", '"', "\\", "\t", "/", "𝄞", "\u0001", " ", "}"),
    });
    const meta = fc.record({ url: fc.string(), words: fc.integer() });
    fc.assert(
      fc.property(fc.array(fc.record({ text, meta }), { maxLength: 8 }), (records) => {
        const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
        const expected = records.map(({ text }) => text).filter((text) => text !== "");
        for (const ours of [true, false]) {
          const { texts, rejected } = read(lines, ours);
          assert.deepEqual([texts, rejected], [expected, records.length - expected.length]);
        }
      }),
    );
  });

  it("counts what is no document, whoever wrote it", () => {
    const lines = Buffer.concat([
      Buffer.from('{"text":"dobry"}\n{"text":"bez końca\n{"title":"bez tekstu"}\n\n{"text":""}\n{"text":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}\n["lista"]'),
    ]);
    assert.deepEqual(read(lines, false), { texts: ["dobry"], clusters: [undefined], rejected: 5 });
  });

  it("takes the cluster of near-duplicates from meta alone", () => {
    const lines = [
      { text: "raz", meta: { cluster: "c7", url: "x" } },
      { text: "dwa", meta: { cluster: 7 } },
      { text: '"cluster": to nie tu', meta: {} },
      { text: "trzy", meta: { tags: { cluster: "inny" } } },
    ].map((record) => JSON.stringify(record));
    for (const ours of [true, false]) {
      assert.deepEqual(read(lines.join("\n"), ours).clusters, ["c7", "7", undefined, undefined]);
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
