import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RecordBuffer } from "../../pipeline/record-buffer.ts";

/** Signs with an escape, rare controls, and UTF-8 of every length. */
const sign = fc.constantFrom(...'aż\n\t"\\\r\u0001\u007f\u2028…„😀');

test("a record is the line that JSON.stringify gives", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: sign }), { minLength: 1, maxLength: 5 }), (texts) => {
      const records = new RecordBuffer();
      for (const text of texts) records.add(text, '{"a":1}');
      const lines = texts.map((text) => `${JSON.stringify({ text, meta: { a: 1 } })}\n`).join("");
      assert.equal(Buffer.from(records.take()).toString(), lines);
    }),
  );
});

test("a record that fills the memory is whole when its text has to be escaped another way", () => {
  const text = `${"日".repeat(3 << 20)}\u0001`;
  const meta = { a: "x".repeat(300) };
  const records = new RecordBuffer();
  records.add(text, JSON.stringify(meta));
  assert.equal(Buffer.from(records.take()).toString(), `${JSON.stringify({ text, meta })}\n`);
});
