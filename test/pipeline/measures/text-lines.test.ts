import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FEW_POLISH_LETTERS, IN_LINE } from "../../../pipeline/measures/line-table.ts";
import { EDGE } from "../../../pipeline/measures/text-lines.ts";
import { TextMeasures } from "../../../pipeline/measures/text-measures.ts";
import { mixedTexts, sampleTexts } from "./texts.ts";

/** What each bit means, as a pattern on the line alone. */
const EDGES: Readonly<Record<keyof typeof EDGE, RegExp>> = {
  startsSmall: /^[„"(]?\p{Ll}/u,
  startsCapital: /^["„»(]?\p{Lu}/u,
  capital: /^\p{Lu}/u,
  startsAnew:
    /^(?:[-–—•*·▪►>]\s?|<[@+% ]?[\w[\]^|-]+>\s|\[?\d{1,2}:\d\d(?::\d\d)?\]?\s|\(?\p{L}?\d{1,3}[.)]\s|§\s?\d|Art\.\s?\d|[a-zA-Z]\)\s|[A-Z]\.\s)/u,
  startsHyphenated: /^-\p{L}/u,
  endsSentence: /[.!?…:;]["”»’)\]*]*$/,
  endsVerse: /[,;:.!?…—–-]["”»)]*$/,
  endsInLetter: /\p{L}$/u,
  isHyphenated: /(?![\u{10000}-\u{10ffff}])\p{L}[-¬=]$/u,
  dividesWord: /\p{Ll}[-¬]$/u,
};
const SIGNS: Readonly<Record<Exclude<keyof typeof IN_LINE, "fewPolish">, RegExp>> = {
  wordSign: /[\p{L}\p{N}]/u,
  digit: /[0-9]/,
  copyright: /©/,
  space: / /,
};

function check(text: string): void {
  const lines = new TextMeasures(text).textLines;
  const expected = text.split("\n");
  assert.equal(lines.count, expected.length);
  for (const [i, line] of expected.entries()) {
    assert.equal(lines.line(i), line);
    assert.equal(lines.isBlank(i), line === "");
    const where = JSON.stringify(line);
    for (const [name, pattern] of Object.entries(EDGES))
      assert.equal(lines.has(i, EDGE[name as keyof typeof EDGE]), pattern.test(line), `${name} of ${where}`);
    const units = Array.from(line, (character) => (character.length === 1 ? character : " ")).join("");
    for (const [name, pattern] of Object.entries(SIGNS))
      if (name !== "space" || units === line)
        assert.equal(
          lines.holds(i, IN_LINE[name as keyof typeof IN_LINE]),
          pattern.test(units),
          `${name} of ${where}`,
        );
    const polish = line.match(/[ąęłńśźż]/gi)?.length ?? 0;
    assert.equal(lines.holds(i, IN_LINE.fewPolish), polish <= line.length * FEW_POLISH_LETTERS, where);
    assert.equal(lines.firstWord(i), line.search(/\s/) < 0 ? line.length : line.search(/\s/), where);
  }
}

test("a line's bits are what their patterns say", () => {
  for (const text of sampleTexts()) check(text);
  fc.assert(fc.property(mixedTexts, check), { numRuns: 500 });
});

test("lines are put together again without the marked ones", () => {
  const lines = new TextMeasures("a\n\nb\nc").textLines;
  assert.equal(lines.without(Uint8Array.of(0, 0, 1, 0)), "a\n\nc");
  assert.equal(lines.line(-1), "");
  assert.equal(lines.line(4), "");
});
