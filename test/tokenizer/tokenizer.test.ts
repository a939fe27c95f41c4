import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { Tokenizer } from "../../tokenizer/index.ts";
import { fixturePath, readFixture } from "./fixtures.ts";

const json = await readFile(fixturePath("llama.json"), "utf8");
const tokenizer = Tokenizer.fromJson(json);
const { encodings } = await readFixture("encodings.json");
const utf8 = new TextEncoder();

describe("ids and text equal the reference's", () => {
  it(`encode, special tokens taken for text: ${encodings.length} awkward texts`, () => {
    for (const { text, ids } of encodings)
      assert.deepEqual([...tokenizer.encode(text)], ids, JSON.stringify(text));
  });

  it("encode, special tokens parsed", () => {
    for (const { text, parsed } of encodings) {
      assert.deepEqual([...tokenizer.encode(text, { parseSpecials: true })], parsed, JSON.stringify(text));
    }
  });

  it("encodeUtf8", () => {
    for (const { text, ids } of encodings)
      assert.deepEqual([...tokenizer.encodeUtf8(utf8.encode(text))], ids);
  });

  it("a second time, from the cache", () => {
    for (const { text, ids } of encodings) assert.deepEqual([...tokenizer.encode(text)], ids);
  });

  it("decode, whole and as a stream", () => {
    for (const { text, ids, parsed, decoded, decodedParsed, decodedSkipping } of encodings) {
      const shown = JSON.stringify(text);
      assert.equal(tokenizer.decode(ids), decoded, shown);
      assert.equal(tokenizer.decode(parsed), decodedParsed, shown);
      assert.equal(tokenizer.decode(parsed, { skipSpecials: true }), decodedSkipping, shown);
      const stream = tokenizer.decodeStream();
      assert.equal(ids.map((id) => stream.push(id)).join("") + stream.end(), decoded, shown);
    }
  });
});
