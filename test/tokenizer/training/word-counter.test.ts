import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { utf16Length } from "../../../tokenizer/engine/utf8.ts";
import type { WordList } from "../../../tokenizer/training/word-list.ts";
import { countTexts } from "./count-texts.ts";

/** Words as text with their counts, in the list's order. */
function entries({ size, bytes, starts, counts }: WordList): [string, number][] {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  return Array.from({ length: size }, (_, i) => [
    utf8.decode(bytes.subarray(starts[i], starts[i + 1])),
    counts[i] as number,
  ]);
}

/** Counting as the pre-tokenizer's definition reads. */
function naiveCounts(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    if (text === "") continue;
    const spaced = text.toWellFormed().replaceAll("▁", " ");
    for (const word of (spaced.startsWith(" ") ? spaced : ` ${spaced}`).match(/\n+| ?[^ \n]+| /g) ?? []) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

const texts = fc.array(
  fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "ą", " ", "\n", "▁", "😀", "\0", "b", "\u2580"), maxLength: 60 }),
    fc.string({ unit: "binary", maxLength: 30 }),
  ),
  { maxLength: 30 },
);

describe("WordCounter", () => {
  it("counts texts of more words than are looked up together", () => {
    const text = Array.from({ length: 1000 }, (_, i) => `${i % 3 === 0 ? "▁" : ""}słowo${i % 301}`).join(" ");
    assert.deepEqual(new Map(entries(countTexts([text]))), naiveCounts([text]));
  });

  it("the UTF-16 units of a text are told by its UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.equal(utf16Length(new TextEncoder().encode(text)), text.length);
      }),
    );
  });

  it("counts what the definition of the pre-tokenizer gives", () => {
    fc.assert(
      fc.property(texts, (documents) => {
        assert.deepEqual(new Map(entries(countTexts(documents))), naiveCounts(documents));
      }),
      { numRuns: 300 },
    );
  });

  it("sorts words by their bytes, across the sizes where it changes its way of sorting", () => {
    const documents = Array.from(
      { length: 3000 },
      (_, i) => `prefiks wspólny${"x".repeat(i % 70)}${(i * 7919) % 997} a${"\0".repeat(i % 90)}`,
    );
    const words = entries(countTexts(documents)).map(([word]) => Buffer.from(word));
    assert.ok(words.length > 2000);
    for (let i = 1; i < words.length; i++) {
      assert.ok(Buffer.compare(words[i - 1] as Buffer, words[i] as Buffer) < 0, `words ${i - 1} and ${i}`);
    }
  });
});
