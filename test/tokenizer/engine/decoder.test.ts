import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import { makeDecoder } from "../../../tokenizer/engine/decoder.ts";
import { Tokenizer } from "../../../tokenizer/index.ts";
import { fixturePath, readFixture } from "../fixtures.ts";

const byteTokens = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const decoder = makeDecoder([...byteTokens, "▁ala", "▁", "ż"], {
  kind: "metaspace",
  byteFallback: true,
  dropped: "one-space",
});
const [ALA, SPACE, Z] = [256, 257, 258] as const;

describe("decoder with byte tokens", () => {
  it("joins bytes to characters and drops one leading space", () => {
    assert.equal(decoder.decode([ALA, 0xc5, 0xbc, Z, SPACE, ALA]), "alażż  ala");
    assert.equal(decoder.decode([SPACE, SPACE, Z]), " ż");
    assert.equal(decoder.decode([]), "");
  });

  it("a run of bytes that is not UTF-8 becomes one U+FFFD for each byte, as in the reference", () => {
    assert.equal(decoder.decode([0xf0, 0x9f, 0x98, Z]), "\ufffd\ufffd\ufffdż");
    assert.equal(decoder.decode([0xc5, 0xbc, 0xff]), "\ufffd\ufffd\ufffd");
  });

  it("streams no half character, and all of the text in the end", () => {
    const stream = decoder.stream();
    assert.deepEqual(
      [0xf0, 0x9f, 0x98, 0x80].map((id) => stream.push(id)),
      ["", "", "", ""],
    );
    assert.equal(stream.push(Z), "😀ż");
    assert.equal(stream.push(0xc5), "");
    assert.equal(stream.end(), "\ufffd");
  });

  it("streamed and whole decoding agree for any ids", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 258 }), { maxLength: 40 }), (ids) => {
        const stream = decoder.stream();
        assert.equal(ids.map((id) => stream.push(id)).join("") + stream.end(), decoder.decode(ids));
      }),
    );
  });
});

describe("Tokenizer on the other engine", async () => {
  const json: object = JSON.parse(await readFile(fixturePath("llama.json"), "utf8"));
  const native = Tokenizer.fromJson(json);
  const nothing = { type: "Replace", pattern: { String: "\u{10fffd}" }, content: "" };
  const other = Tokenizer.fromJson({ ...json, normalizer: nothing });
  const { encodings } = await readFixture("encodings.json");
  const composed = encodings.filter(({ text }) => text.normalize("NFC") === text && text.isWellFormed());

  it("gives the same ids, text and streams where the added part changes nothing", () => {
    assert.equal(other.engine, "huggingface");
    for (const { text } of composed) {
      const shown = JSON.stringify(text);
      const ids = native.encode(text, { addBos: true, addEos: true });
      assert.deepEqual(other.encode(text, { addBos: true, addEos: true }), ids, shown);
      assert.equal(other.count(text), native.count(text));
      assert.equal(
        other.decode(ids, { skipSpecials: true }),
        native.decode(ids, { skipSpecials: true }),
        shown,
      );
      const stream = other.decodeStream({ skipSpecials: true });
      const streamed = Array.from(ids, (id) => stream.push(id)).join("") + stream.end();
      assert.equal(streamed, other.decode(ids, { skipSpecials: true }), shown);
    }
  });

  it("refuses ids of no token on either engine", () => {
    for (const tokenizer of [native, other]) {
      assert.throws(() => tokenizer.decode([1_000_000]), RangeError);
      assert.throws(() => tokenizer.decodeStream().push(-1), RangeError);
    }
  });
});
