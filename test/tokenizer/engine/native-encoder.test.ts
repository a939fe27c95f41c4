import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BpeModel } from "../../../tokenizer/engine/bpe-model.ts";
import { BpeEncoder } from "../../../tokenizer/engine/encoder.ts";
import type { Encoder } from "../../../tokenizer/engine/engine.ts";
import { makeNativeEncoder, nativeEncoderUnavailable } from "../../../tokenizer/native/native-encoder.ts";
import { Tokenizer } from "../../../tokenizer/node.ts";
import { readFixture } from "../fixtures.ts";
import { encodersToCompare, mixedBytes, mixedTexts, smallTokenizer } from "./encoder-cases.ts";

const skip = nativeEncoderUnavailable() ?? false;
const { engines } = await readFixture("engines.json");
const { encodings } = await readFixture("encodings.json");
const natives = engines.filter(({ json }) => Tokenizer.fromJson(json).engine === "apt3-native");

const samples = new URL("../../../pipeline/sample/", import.meta.url);
const texts = [
  ...engines.flatMap(({ cases }) => cases.map(({ text }) => text)),
  ...encodings.map(({ text }) => text),
  ...readdirSync(samples, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => readFileSync(new URL(name, samples)).toString()),
  "\ud800 a\udfff\ud83d b",
  "\0 \0\0a",
  `${"ab".repeat(300)} ${"zażółć".repeat(2_000)}`,
];

describe("the native encoder gives the ids of the one in TypeScript", { skip }, () => {
  it("takes the designs whose words are cut at spaces", () => {
    assert.deepEqual(
      natives.map(({ name }) => name),
      engines.filter(({ json }) => JSON.stringify(json).includes("▁")).map(({ name }) => name),
    );
  });

  for (const { name, json } of natives) {
    it(`${name}: fixtures, samples and torture`, () => {
      const [native, portable] = [Tokenizer.fromJson(json), Tokenizer.fromJson(json, { native: false })];
      assert.equal(portable.engine, "apt3");
      for (const text of [...texts, ...texts]) {
        assert.deepEqual(native.encode(text), portable.encode(text), text.slice(0, 80));
      }
    });

    it(`${name}: any text and any bytes`, () => {
      const [native, portable] = [Tokenizer.fromJson(json), Tokenizer.fromJson(json, { native: false })];
      fc.assert(
        fc.property(mixedTexts, mixedBytes, (text, bytes) => {
          assert.deepEqual(native.encode(text), portable.encode(text));
          assert.deepEqual(native.encodeUtf8(bytes), portable.encodeUtf8(bytes));
        }),
        { numRuns: 60 },
      );
    });
  }

  for (const { name, parts, cachedWords } of encodersToCompare) {
    it(name, () => {
      const { ids, merges, options, preTokenization, wide } = parts;
      const native = makeNativeEncoder(parts, { cachedWords }) as Encoder;
      const portable = new BpeEncoder(new BpeModel(ids, merges, options), preTokenization, wide);
      fc.assert(
        fc.property(mixedTexts, mixedBytes, fc.boolean(), (text, bytes, atStart) => {
          for (const encoder of [native, portable]) {
            encoder.pushText(text, atStart);
            encoder.pushUtf8(bytes, atStart);
          }
          assert.deepEqual(native.take(), portable.take());
        }),
        { numRuns: 60 },
      );
    });
  }

  it("merges a word of a million letters in time about n log n", () => {
    const encoder = makeNativeEncoder(smallTokenizer("fused")) as Encoder;
    const started = performance.now();
    encoder.pushText("ab".repeat(500_000), true);
    assert.equal(encoder.take().length, 250_001);
    assert.ok(performance.now() - started < 10_000, "a quadratic merge would take minutes");
  });
});

it("an encoder has room for the three bytes of each character that was not UTF-8", () => {
  const { json } = engines.find(({ name }) => name === "apt3 --byte-fallback --digits") ?? {};
  for (const native of [true, false]) {
    const tokenizer = Tokenizer.fromJson(json ?? {}, { native });
    const ids = tokenizer.encodeUtf8(new Uint8Array(200_000).fill(0xff));
    assert.ok(tokenizer.decode(ids) === "\ufffd".repeat(200_000), tokenizer.engine);
  }
});
