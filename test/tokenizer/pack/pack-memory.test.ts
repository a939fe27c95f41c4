import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockPool } from "../../../tokenizer/pack/encode/block-pool.ts";
import { describeFit, fitWorkers } from "../../../tokenizer/pack/encode/memory.ts";

describe("the memory of packing", () => {
  it("decides how many workers run, and says so where they are fewer than asked for", () => {
    assert.equal(fitWorkers(2, 1.5e9), 2);
    assert.equal(describeFit(2, 1.5e9), undefined);
    assert.equal(fitWorkers(16, 1.5e9), 8);
    assert.match(
      describeFit(16, 1.5e9) ?? "",
      /^8 of 16 workers run, as many as fit into --memory 1\.50 GB; all need 2\.57 GB$/,
    );
    assert.equal(fitWorkers(16, 2.6e9), 16);
    assert.throws(() => fitWorkers(1, 300e6), {
      name: "UserError",
      message: "--memory 300 MB: packing takes 610 MB at least",
    });
  });

  it("is used again for unit after unit, except that of lines longer than a unit", () => {
    const pool = new BlockPool(100);
    const first = pool.take();
    pool.giveBack(first.subarray(0, 7));
    const second = pool.take(80);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.length, 100);
    assert.notEqual(pool.take().buffer, second.buffer);
    const long = pool.take(150);
    assert.equal(long.length, 150);
    pool.giveBack(long);
    assert.equal(pool.take().length, 100);
  });
});
