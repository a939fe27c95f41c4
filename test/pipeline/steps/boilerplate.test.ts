import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { hasNotice } from "../../../pipeline/measures/notices.ts";
import { MARGIN, unitsOf } from "../../../pipeline/measures/units.ts";
import { ANYWHERE, BEGINNINGS, END, FURNITURE_BEGINNINGS } from "../../../pipeline/steps/boilerplate.ts";

/** What a pattern finds; that no letter follows is left out. */
const foundBy = (pattern: string) => fc.stringMatching(new RegExp(`^(?:${pattern.replaceAll(END, "")})`));

it("all furniture that begins a line begins with letters that are looked for", () => {
  for (const pattern of BEGINNINGS) {
    const lines = fc.sample(foundBy(pattern), { numRuns: 200, seed: 1 });
    for (const line of lines.flatMap((found) => [found, found.toUpperCase(), found.toLowerCase()]))
      assert.ok(FURNITURE_BEGINNINGS.at(unitsOf(line), MARGIN), JSON.stringify(line));
  }
  for (const line of ["Rosół", "Kotek", "", "ab", "Ta"])
    assert.ok(!FURNITURE_BEGINNINGS.at(unitsOf(line), MARGIN), line);
});

it("all furniture anywhere in a line holds what makes a text be searched", () => {
  for (const pattern of ANYWHERE) {
    const lines = fc.sample(foundBy(pattern), { numRuns: 200, seed: 1 });
    for (const line of lines.flatMap((found) => [found, found.toUpperCase()]))
      assert.ok(hasNotice(line), JSON.stringify(line));
  }
  assert.ok(!hasNotice("ciasteczka, zastosowany, prywatny cook, i wykonanie"));
});
