import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BpeModel } from "../../tokenizer/engine/bpe-model.ts";
import { BpeEncoder } from "../../tokenizer/engine/encoder.ts";
import { OffsetEncoder } from "../../tokenizer/engine/offset-encoder.ts";
import { encodersToCompare, mixedTexts, smallTokenizer } from "./encoder-cases.ts";

const parts = smallTokenizer(false);
const model = new BpeModel(parts.ids, parts.merges, parts.options);

describe("BpeEncoder", () => {
  for (const { name, wide, cachedWords } of encodersToCompare) {
    it(`its caches change nothing: ${name}`, () => {
      const cached = new BpeEncoder(model, parts.preTokenization, wide, cachedWords);
      const plain = new OffsetEncoder(model, parts.preTokenization);
      fc.assert(
        fc.property(fc.array(mixedTexts, { minLength: 1, maxLength: 4 }), (batch) => {
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
