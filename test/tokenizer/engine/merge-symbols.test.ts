import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { mergeSymbols } from "../../../tokenizer/engine/merge-symbols.ts";
import { MergeTable } from "../../../tokenizer/engine/merge-table.ts";
import { naiveBpe } from "./naive-bpe.ts";

/** Vocabularies over a, b, c whose merges are drawn at random, each joining two tokens already there. */
const vocabularies = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 25 }).map((draws) => {
  const tokens = ["a", "b", "c"];
  const merges: [string, string][] = [];
  for (const [left, right] of draws) {
    const pair: [string, string] = [
      tokens[left % tokens.length] as string,
      tokens[right % tokens.length] as string,
    ];
    if (merges.some(([a, b]) => a === pair[0] && b === pair[1])) continue;
    merges.push(pair);
    if (!tokens.includes(pair.join(""))) tokens.push(pair.join(""));
  }
  return { tokens, merges };
});

function encode(text: string, tokens: readonly string[], merges: readonly [string, string][]): string[] {
  const id = (token: string) => tokens.indexOf(token);
  const table = new MergeTable(
    Int32Array.from(merges.flatMap(([left, right]) => [id(left), id(right), id(left + right)])),
  );
  const symbols = Int32Array.from(text, id);
  const length = mergeSymbols(symbols, symbols.length, table);
  return Array.from(symbols.subarray(0, length), (symbol) => tokens[symbol] as string);
}

describe("mergeSymbols", () => {
  for (const [kind, minLength, maxLength, numRuns] of [
    ["short words, by scanning", 0, 40, 400],
    ["long words, with a heap", 101, 180, 60],
  ] as const) {
    it(`equals the definition of byte-pair encoding: ${kind}`, () => {
      const texts = fc.array(fc.constantFrom("a", "b", "c"), { minLength, maxLength });
      fc.assert(
        fc.property(texts, vocabularies, (text, { tokens, merges }) => {
          assert.deepEqual(encode(text.join(""), tokens, merges), naiveBpe(text, merges));
        }),
        { numRuns },
      );
    });
  }

  it("merges a million symbols in time about n log n", () => {
    const merges: [string, string][] = [
      ["a", "a"],
      ["aa", "aa"],
      ["b", "aaaa"],
    ];
    const tokens = ["a", "b", "aa", "aaaa", "baaaa"];
    const started = performance.now();
    const result = encode(`b${"aaaa".repeat(250_000)}`, tokens, merges);
    assert.equal(result.length, 250_000);
    assert.equal(result[0], "baaaa");
    assert.ok(performance.now() - started < 10_000, "a quadratic merge would take minutes");
  });
});
