import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describePairs, meanAndError } from "./paired.ts";

describe("paired figures of several seeds", () => {
  it("have a mean and the standard error of that mean", () => {
    const { mean, error } = meanAndError([1, 2, 3, 6]);
    assert.equal(mean, 3);
    // Squared deviations 4, 1, 0, 9: variance 14/3, of the mean 14/12.
    assert.ok(Math.abs(error - Math.sqrt(14 / 12)) < 1e-12);
  });

  it("are differences of each pair in per cent, whatever the pairs' own level is", () => {
    assert.equal(describePairs([1.01, 20.6], [1, 20]), "+2.00 ± 1.00 %");
    assert.equal(describePairs([0.99, 19.8], [1, 20]), "−1.00 ± 0.00 %");
  });

  it("have no error when there is one pair", () => {
    assert.equal(describePairs([2.02], [2]), "+1.00 %");
  });
});
