import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BpeModel } from "../../../tokenizer/engine/bpe-model.ts";
import { BpeEncoder } from "../../../tokenizer/engine/encoder.ts";
import { OffsetEncoder } from "../../../tokenizer/engine/offset-encoder.ts";
import { encodersToCompare, mixedTexts } from "./encoder-cases.ts";

describe("BpeEncoder", () => {
  for (const { name, parts, cachedWords } of encodersToCompare.slice(0, 3)) {
    it(`its caches change nothing: ${name}`, () => {
      const model = new BpeModel(parts.ids, parts.merges, parts.options);
      const cached = new BpeEncoder(model, parts.preTokenization, parts.wide, cachedWords);
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
