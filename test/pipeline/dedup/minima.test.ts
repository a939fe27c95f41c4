import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createMinimum } from "../../../pipeline/dedup/minima.ts";

const FUNCTIONS = 12;
const family = {
  factors: Int32Array.from({ length: FUNCTIONS }, (_, i) => Math.imul(i + 3, 0x9e3779b1) | 1),
  addends: Int32Array.from({ length: FUNCTIONS }, (_, i) => Math.imul(i + 7, 0x85ebca6b)),
};
const { minima, lower } = createMinimum(family);

function expected(shingles: readonly number[]): number[] {
  return Array.from({ length: FUNCTIONS }, (_, k) => {
    const values = shingles.map((shingle) => {
      const product = (Math.imul(shingle, family.factors[k] as number) + (family.addends[k] as number)) | 0;
      return (product ^ (product >>> 15)) >>> 0;
    });
    return values.reduce((least, value) => Math.min(least, value), 0xffffffff);
  });
}

function check(shingles: readonly number[]): void {
  minima.fill(0xffffffff);
  lower(Uint32Array.from(shingles));
  assert.deepEqual([...minima], expected(shingles));
}

test("the vector program finds the minima that plain arithmetic finds", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 50 }), check));
});

test("more shingles than are handed over at a time, and none at all", () => {
  check(Array.from({ length: 40_001 }, (_, i) => Math.imul(i, 2654435761) >>> 0));
  check([]);
});
