import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import eld from "eld/large";
import { detectLanguage } from "../../../pipeline/measures/language-detector.ts";

const SAMPLE = new URL("../../../pipeline/sample/", import.meta.url);

/** Pieces of the sample's texts, Polish, foreign and damaged, from every 97th character. */
function pieces(): string[] {
  const files = [
    "texts-damaged.txt",
    "texts-foreign.txt",
    ...readdirSync(new URL("texts", SAMPLE)).map((name) => `texts/${name}`),
  ];
  return files.flatMap((file) => {
    const text = readFileSync(new URL(file, SAMPLE), "utf8");
    const starts = Array.from({ length: Math.floor(text.length / 97) }, (_, i) => i * 97);
    return starts.map((start, i) => text.slice(start, start + 10 + ((i * 37) % 1200)));
  });
}

test("gives eld's own answer on every text", () => {
  const texts = pieces();
  assert.ok(texts.length > 1000, `${texts.length} texts`);
  const answers = new Set(texts.map((text) => eld.detect(text).language));
  assert.ok(answers.size > 5, `only ${[...answers].join(", ")}`);
  for (const text of texts) assert.equal(detectLanguage(text), eld.detect(text).language, text);
});

test("gives eld's own answer on what is hardly text", () => {
  const odd = [
    "",
    " ",
    "12 345, 67!",
    "a",
    "ab abc abcd abcde abcdef",
    "don't l’eau 'tis ''quoted'' `code`",
    "ż".repeat(500),
    "konstantynopolitańczykowianeczka".repeat(5),
    "Żółć 😀 😀 \ud800 gęślą \u0307 İstanbul ΣΊΣΥΦΟΣ",
    "日本語のテキスト",
    "русский текст и українська мова",
    `${"x".repeat(69)} ${"y".repeat(70)} ${"z".repeat(71)}`,
  ];
  for (const text of odd) assert.equal(detectLanguage(text), eld.detect(text).language, JSON.stringify(text));
});
