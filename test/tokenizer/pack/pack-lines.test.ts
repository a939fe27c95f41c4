import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { COPY_MARGIN, copyJsonText } from "../../../tokenizer/json-text.ts";
import { BlockPool } from "../../../tokenizer/pack/encode/block-pool.ts";
import { cutLines } from "../../../tokenizer/pack/encode/cut-lines.ts";

const BLOCK_BYTES = 16;
const MAX_LINE_BYTES = 64;

/** The units of a text that arrives in chunks of the given sizes, one after the other. */
async function cut(text: string, sizes: readonly number[]) {
  async function* source(): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text);
    for (let start = 0, i = 0; start < bytes.length; i++) {
      const end = start + (sizes[i % sizes.length] ?? bytes.length);
      yield bytes.subarray(start, end);
      start = end;
    }
  }
  const pool = new BlockPool(BLOCK_BYTES);
  const units: string[] = [];
  let oversized = 0;
  for await (const { lines, oversizedLines } of cutLines(source(), pool, MAX_LINE_BYTES)) {
    units.push(Buffer.from(lines).toString());
    oversized += oversizedLines;
    pool.giveBack(lines);
  }
  return { units, oversized };
}

describe("cutting lines into units", () => {
  const line = fc
    .nat({ max: 90 })
    .chain((length) => fc.string({ unit: fc.constantFrom("a", "b"), minLength: length, maxLength: length }));
  const chunks = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

  it("keeps every line that is not too long, whole and in order, however the bytes arrive", () =>
    fc.assert(
      fc.asyncProperty(fc.array(line), chunks, fc.boolean(), async (lines, sizes, ended) => {
        const text = lines.join("\n") + (ended ? "\n" : "");
        const { units, oversized } = await cut(text, sizes);
        assert.deepEqual(await cut(text, [1000]), { units, oversized });
        const all = text.split(/(?<=\n)/);
        const kept = all.filter((line) => line.length <= MAX_LINE_BYTES);
        assert.equal(units.join(""), kept.join(""));
        assert.equal(oversized, all.length - kept.length);
        for (const unit of units.slice(0, -1)) assert.ok(unit.endsWith("\n"));
        const longest = Math.max(BLOCK_BYTES, ...kept.map(({ length }) => length));
        for (const unit of units) assert.ok(unit.length < 2 * longest + BLOCK_BYTES);
      }),
      { numRuns: 300 },
    ));
});

describe("copying JSON text", () => {
  const copy = (json: string) => {
    const bytes = Buffer.from(json);
    const view = (of: Buffer) => new DataView(of.buffer, of.byteOffset, of.byteLength);
    const target = Buffer.alloc(bytes.length + COPY_MARGIN);
    const text = copyJsonText(view(bytes), 1, bytes.length, view(target));
    return (
      text && { text: target.subarray(0, text.length).toString(), rest: bytes.subarray(text.end).toString() }
    );
  };

  it("undoes escapes as JSON.parse does, wherever they stand", () => {
    const unit = fc.constantFrom("a", "ż", "𝄞", '"', "\\", "/", "\b", "\f", "\n", "\r", "\t", "\x7f", "\x80");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), fc.boolean(), (text, slashes) => {
        const json = JSON.stringify(text).replaceAll("/", slashes ? "\\/" : "/");
        assert.deepEqual(copy(`${json},"x"`), { text, rest: '","x"' });
        assert.equal(copy(json.slice(0, -1)), undefined, "cut off before its end");
      }),
      { numRuns: 500 },
    );
  });

  it("leaves to the parser what it does not copy, at any place", () => {
    for (let before = 0; before < 20; before++) {
      for (const other of ["\n", "\0", "\x1f", "\\u0041", "\\x", "\\"]) {
        assert.equal(copy(`"${"a".repeat(before)}${other}"`), undefined, JSON.stringify(other));
      }
    }
  });
});
