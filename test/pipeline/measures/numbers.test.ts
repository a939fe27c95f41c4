import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NUMBER, readNumbers } from "../../../pipeline/measures/numbers.ts";

/** What each bit stands for, as the least that the steps' patterns ask. */
const PATTERNS: Readonly<Record<keyof typeof NUMBER, RegExp>> = {
  long: /\d(?:.{0,2}\d){8}/s,
  local: /\d(?:.?\d){6}/s,
  solid: /\d{6}/,
  dotted: /(?:\d{1,3}\.){3}\d/,
  plate: /(?<![\p{L}\d])[A-Z]{2,3}[ -]?(?=[A-Z]{0,4}\d)[A-Z\d]{4,5}(?![\p{L}\d])/u,
  noteMarks: /(?:(?<=\p{Ll}[.,;!?…”"]?)\d+.*?){5}/su,
  torn: /\d[,:] \d/,
};

test("no number that a step looks for is without its bit", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."0123456789 -.,:aż\nAB…”", "WX12A", "B 1234"),
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (drawn) => {
      const found = readNumbers(drawn);
      for (const [name, pattern] of Object.entries(PATTERNS))
        if (pattern.test(drawn)) assert.ok((found & NUMBER[name as keyof typeof NUMBER]) !== 0, name);
    }),
    { numRuns: 2000 },
  );
});

test("plain counts and years set no bit", () => {
  assert.equal(readNumbers("W 1918 roku było ich 12, a w 1939 już 340."), 0);
});
