import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isKnownWord, splitWords } from "../../../pipeline/measures/word-borders.ts";

const PHRASES = [
  "doświadczenia w",
  "i zdumiewał",
  "w ostatnich",
  "przełamie z",
  "także i w",
  "szkoły branżowej",
  "to jest bardzo ważne",
  "wiedza",
  "zdumienie",
  "ojciec i matka",
];

test("words whose spaces were lost are found again", () => {
  assert.deepEqual(
    PHRASES.map((phrase) => splitWords(phrase.replaceAll(" ", "")).join(" ")),
    PHRASES,
  );
});

test("a word begins where it must", () => {
  assert.deepEqual(
    splitWords("branżowejIstopnia", (at) => "branżowejIstopnia".charAt(at) === "I"),
    ["branżowej", "I", "stopnia"],
  );
});

test("the words are the letters, whatever letters they are", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."aiwzoubcłżŻéßяAZ"), minLength: 1, maxLength: 60 }),
      (letters) => assert.equal(splitWords(letters).join(""), letters),
    ),
  );
});

test("usual words are known, others are not", () => {
  assert.deepEqual(["konieczności", "minister", "polskoniemiecki", "xqzwvb"].map(isKnownWord), [
    true,
    true,
    false,
    false,
  ]);
});
