import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatCount, formatDuration, parseSize } from "../../../pipeline/runtime/sizes.ts";

test("sizes are read in decimal and binary units", () => {
  assert.equal(parseSize("200MB"), 200_000_000);
  assert.equal(parseSize(" 1.5 GiB "), 1.5 * 2 ** 30);
  assert.equal(parseSize("4096"), 4096);
  assert.equal(parseSize("3kb"), 3000);
  for (const wrong of ["", "MB", "-1MB", "1XB", "1e3", "12 M B"])
    assert.equal(parseSize(wrong), undefined, wrong);
});

test("numbers are shown with three significant digits", () => {
  assert.deepEqual([0, 999, 1000, 12_345, 999_500].map(formatBytes), [
    "0 B",
    "999 B",
    "1.00 kB",
    "12.3 kB",
    "1.00 MB",
  ]);
  assert.deepEqual([7, 60_607_692_800].map(formatCount), ["7", "60.6 G"]);
  assert.deepEqual([0.25, 8, 200, 7500, 3_801_600, Number.POSITIVE_INFINITY].map(formatDuration), [
    "0.3 s",
    "8.0 s",
    "3 min 20 s",
    "2 h 5 min",
    "44 d 0 h",
    "?",
  ]);
});
