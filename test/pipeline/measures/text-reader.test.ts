import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  nativeReaderUnavailable,
  openNativeReader,
} from "../../../pipeline/measures/native/native-reader.ts";
import { portableReader, type TextReader } from "../../../pipeline/measures/text-reader.ts";
import { mixedTexts, sampleTexts } from "./texts.ts";

/** All that a reader tells of a text, in memory of its own. */
function readAll(reader: TextReader, text: string) {
  const words = structuredClone(reader.words(text));
  const bounds = structuredClone(reader.ngramBounds(words));
  const { lines, signs, bytes } = reader.scan(text);
  const { count, starts } = lines;
  const table = { count, starts: starts.slice(0, count + 1), signs: lines.signs.slice(0, count) };
  const ngrams = [2, 5].map((n) => [reader.topNgram(words, n), reader.repeatedNgrams(words, n)]);
  const figures = (["numbers", "unlikely", "hasNotice", "closeGaps"] as const).map((name) =>
    reader[name](text),
  );
  return { words, bounds, ngrams, signs, bytes, table, figures };
}

describe("the native reader says what the one in TypeScript says", {
  skip: nativeReaderUnavailable() ?? false,
}, () => {
  const native = openNativeReader() as TextReader;
  const compare = (text: string) =>
    assert.deepEqual(
      readAll(native, text),
      readAll(portableReader, text),
      JSON.stringify(text.slice(0, 200)),
    );

  it("of the samples, and of their pieces of every length up to 70", () => {
    for (const text of sampleTexts()) {
      compare(text);
      for (let length = 0; length <= 70; length++) compare(text.slice(length * 7, length * 8));
    }
  });

  it("of any text", () => {
    fc.assert(fc.property(mixedTexts, compare), { numRuns: 1000 });
  });

  it("of long words, of many lines, and of repetitions", () => {
    for (const length of [63, 64, 65, 4095, 4096, 4097, 70_000]) {
      compare("ą".repeat(length));
      compare("a ".repeat(length));
      compare("\n".repeat(length));
      compare(`${"na to nie ma rady, ".repeat(length / 10)}\n…`);
    }
  });
});
