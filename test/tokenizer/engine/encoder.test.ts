import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BpeModel } from "../../../tokenizer/engine/bpe-model.ts";
import { BpeEncoder } from "../../../tokenizer/engine/encoder.ts";
import { OffsetEncoder } from "../../../tokenizer/engine/offset-encoder.ts";
import { encodersToCompare, mixedTexts, smallTokenizer } from "./encoder-cases.ts";

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

  it("cuts digits off a text without spaces as one cuts each word alone, without reading on to its end", () => {
    const parts = smallTokenizer("fused");
    const model = new BpeModel(parts.ids, parts.merges, parts.options);
    const encoder = new BpeEncoder(model, { ...parts.preTokenization, digits: "isolated" }, parts.wide);
    const text = "ab1a".repeat(50_000);
    const since = performance.now();
    encoder.pushText(text, false);
    const ids = encoder.take();
    assert.ok(performance.now() - since < 1000, "reads from each digit to the end");
    encoder.pushText("ab1a", false);
    const [ab, one, a] = encoder.take();
    encoder.pushText("aab", false);
    assert.deepEqual([...ids.slice(0, 3)], [ab, one, ...[...encoder.take()].slice(0, 1)]);
    assert.equal(ids.at(-1), a);
  });
});
