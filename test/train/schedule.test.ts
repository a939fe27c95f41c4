import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { learningRateAt } from "../../train/schedule.ts";

const published = { learningRate: 2e-4, minLearningRate: 2e-5, warmupSteps: 1000, steps: 28_900 };

describe("the learning rate", () => {
  it("rises linearly from above zero to its peak, then falls by half a cosine to its minimum", () => {
    assert.ok(learningRateAt(0, published) > 0);
    const rise = learningRateAt(501, published) - learningRateAt(500, published);
    assert.ok(Math.abs(rise - 2e-4 / 1001) < 1e-12);
    assert.equal(learningRateAt(1000, published), 2e-4);
    const middle = (1000 + 28_899) / 2;
    assert.ok(Math.abs(learningRateAt(middle, published) - 1.1e-4) < 1e-12);
    assert.equal(learningRateAt(28_899, published), 2e-5);
  });

  it("never leaves its bounds and stays at the minimum after the schedule", () => {
    for (let step = 0; step < 30_000; step += 7) {
      const rate = learningRateAt(step, published);
      assert.ok(rate > 0 && rate <= 2e-4);
      if (step >= 1000) assert.ok(rate >= 2e-5 - 1e-12);
    }
    assert.equal(learningRateAt(1_000_000, published), 2e-5);
  });

  it("is defined for schedules without warm-up or without decay", () => {
    assert.equal(learningRateAt(0, { ...published, warmupSteps: 0 }), 2e-4);
    assert.equal(learningRateAt(0, { ...published, warmupSteps: 0, steps: 1 }), 2e-5);
    assert.ok(learningRateAt(9, { ...published, warmupSteps: 100, steps: 10 }) < 2e-4);
  });
});
