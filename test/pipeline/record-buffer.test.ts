import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RecordBuffer } from "../../pipeline/record-buffer.ts";

/** Signs with an escape, rare controls, and UTF-8 of every length. */
const sign = fc.constantFrom(...'aż\n\t"\\\r\u0001\u007f\u2028…„😀');

test("a record is the line that JSON.stringify gives, and its text's bytes are counted without escapes", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: sign }), { minLength: 1, maxLength: 5 }), (texts) => {
      const records = new RecordBuffer();
      for (const text of texts) assert.equal(records.add(text, '{"a":1}'), Buffer.byteLength(text));
      const lines = texts.map((text) => `${JSON.stringify({ text, meta: { a: 1 } })}\n`).join("");
      assert.equal(Buffer.from(records.take()).toString(), lines);
    }),
  );
});
