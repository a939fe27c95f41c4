import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSpikeGuard } from "../../train/spike-guard.ts";

const settings = { window: 20, deviations: 4, action: "skip" } as const;
/** Losses around 3 with a deviation of 0.1. */
const calm = Array.from({ length: 40 }, (_, i) => 3 + (i % 2 === 0 ? 0.1 : -0.1));

describe("the spike guard", () => {
  it("finds a loss far above those before it, and nothing else", () => {
    const guard = createSpikeGuard(settings, calm);
    assert.equal(guard.judge(3.35), undefined);
    assert.equal(guard.judge(0.5), undefined);
    const spike = guard.judge(3.45);
    assert.ok(spike !== undefined && Math.abs(spike.mean - 3) < 1e-9 && Math.abs(spike.limit - 3.4) < 1e-9);
  });

  it("waits until half its window is known", () => {
    assert.equal(createSpikeGuard(settings, calm.slice(0, 9)).judge(100), undefined);
    assert.notEqual(createSpikeGuard(settings, calm.slice(0, 10)).judge(100), undefined);
  });

  it("allows the noise that equal losses lack", () => {
    const guard = createSpikeGuard(settings, new Array<number>(20).fill(3));
    assert.equal(guard.judge(3.19), undefined);
    assert.notEqual(guard.judge(3.21), undefined);
  });

  it("leaves losses that are no numbers to others", () => {
    const guard = createSpikeGuard(settings, [...calm, Number.NaN, Number.POSITIVE_INFINITY]);
    assert.equal(guard.judge(Number.NaN), undefined);
    guard.add(Number.NaN);
    assert.notEqual(guard.judge(5), undefined);
  });

  it("judges the same whether its losses were added or given", () => {
    const added = createSpikeGuard(settings, []);
    for (const loss of calm) added.add(loss);
    assert.deepEqual(added.judge(9), createSpikeGuard(settings, calm).judge(9));
  });
});
