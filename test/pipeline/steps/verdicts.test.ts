import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CATEGORIES, readVerdicts, VERDICTS } from "../../bench/quality/verdicts.ts";

test("the table of what was judged by eye counts the verdicts that were noted", () => {
  const text = readFileSync(new URL("../../../pipeline/steps/README.md", import.meta.url), "utf8");
  const rows = Array.from(text.matchAll(/^\| [^|]+ \|((?: \d+ \|){4})/gm), ([, figures = ""]) =>
    Array.from(figures.matchAll(/\d+/g), Number),
  );
  const counted = Object.keys(CATEGORIES).map((category) => {
    const verdicts = readVerdicts(category);
    assert.equal(
      new Set(verdicts.map(({ line }) => line)).size,
      verdicts.length,
      `${category}: a line twice`,
    );
    return [
      verdicts.length,
      ...VERDICTS.map((name) => verdicts.filter(({ verdict }) => verdict === name).length),
    ];
  });
  const sums = [0, 1, 2, 3].map((column) => counted.reduce((sum, row) => sum + (row[column] as number), 0));
  assert.deepEqual(rows, [...counted, sums]);
});
