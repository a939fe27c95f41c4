import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BpeModel } from "../../tokenizer/engine/bpe-model.ts";
import { BpeEncoder } from "../../tokenizer/engine/encoder.ts";
import { OffsetEncoder } from "../../tokenizer/engine/offset-encoder.ts";
import { DEFAULT_PRE_TOKENIZATION } from "../../tokenizer/engine/pre-tokenizer.ts";

const tokens = ["<unk>", "▁", "a", "b", "ą", "\n", "ab", "▁a", "▁ab", "abab", "aą"];
const merges = [
  ["a", "b"],
  ["▁", "a"],
  ["▁", "ab"],
  ["ab", "ab"],
  ["a", "ą"],
] as const;
const model = new BpeModel(new Map(tokens.map((token, id) => [token, id])), merges, {
  unkToken: "<unk>",
  fuseUnk: true,
  byteFallback: false,
  ignoreMerges: false,
  byteLevel: false,
});
const words = fc.string({ unit: fc.constantFrom("a", "b", "ą", "x"), maxLength: 30 });
const texts = fc.array(
  fc
    .array(
      fc.oneof(
        words,
        fc.integer({ min: 1, max: 400 }).map((n) => "ab".repeat(n)),
      ),
      { maxLength: 700 },
    )
    .map((list) => list.join(" ")),
  { minLength: 1, maxLength: 4 },
);

describe("BpeEncoder", () => {
  for (const [name, wide, cachedWords] of [
    ["16-bit ids", false, undefined],
    ["32-bit ids", true, undefined],
    ["a cache that is emptied again and again", false, 300],
  ] as const) {
    it(`its caches change nothing: ${name}`, () => {
      const cached = new BpeEncoder(model, DEFAULT_PRE_TOKENIZATION, wide, cachedWords);
      const plain = new OffsetEncoder(model, DEFAULT_PRE_TOKENIZATION);
      fc.assert(
        fc.property(texts, (batch) => {
          for (const text of batch) {
            const expected = { ids: [], offsets: [] };
            plain.push(text, 0, expected);
            cached.pushText(text, true);
            assert.deepEqual([...cached.take()], expected.ids);
          }
        }),
        { numRuns: 60 },
      );
    });
  }
});
