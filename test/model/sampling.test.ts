import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom } from "../../model/random.ts";
import { type SamplingOptions, sampleToken } from "../../model/sampling.ts";

const logits = Float32Array.of(1, 3, 2, 3, -1, 0);

/** How often each token is drawn in 20,000 tries. */
function shares(options: SamplingOptions, earlier: number[] = []): number[] {
  const random = createRandom(11, "shares");
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < 20_000; i++) counts[sampleToken(logits, earlier, options, random)]! += 1 / 20_000;
  return counts;
}

function softmax(values: number[]): number[] {
  const weights = values.map(Math.exp);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function assertClose(actual: number[], expected: number[]): void {
  for (const [index, share] of expected.entries()) {
    assert.ok(
      Math.abs(actual[index]! - share) < 0.015,
      `token ${index}: ${actual[index]} instead of ${share}`,
    );
  }
}

describe("sampling", () => {
  it("draws tokens by their probability", () => {
    assertClose(shares({ temperature: 1 }), softmax([...logits]));
  });

  it("divides logits by the temperature, and takes the likeliest and lowest id at 0", () => {
    assertClose(shares({ temperature: 2 }), softmax([...logits].map((logit) => logit / 2)));
    assert.equal(sampleToken(logits, [], { temperature: 0 }, createRandom(0, "")), 1);
  });

  it("keeps the k likeliest tokens", () => {
    const [a = 0, b = 0, c = 0] = softmax([3, 3, 2]);
    assertClose(shares({ temperature: 1, topK: 3 }), [0, a, c, b, 0, 0]);
    assert.equal(shares({ temperature: 1, topK: 1 })[1]?.toFixed(3), "1.000");
  });

  it("keeps the fewest tokens that reach the probability", () => {
    // The two likeliest have 0.72 together, the third brings 0.85.
    assertClose(shares({ temperature: 1, topP: 0.7 }), [0, 0.5, 0, 0.5, 0, 0]);
    const [a = 0, b = 0, c = 0] = softmax([3, 3, 2]);
    assertClose(shares({ temperature: 1, topP: 0.8 }), [0, a, c, b, 0, 0]);
    assertClose(shares({ temperature: 1, topP: 1 }), softmax([...logits]));
  });

  it("penalizes tokens that occurred, whatever the sign of their logit", () => {
    const expected = softmax([1, 1.5, 2, 3, -2, 0]);
    assertClose(shares({ temperature: 1, repetitionPenalty: 2 }, [1, 4, 1]), expected);
  });

  it("gives the same tokens for the same seed", () => {
    const draw = (seed: number) => {
      const random = createRandom(seed, "sampling");
      return Array.from({ length: 50 }, () => sampleToken(logits, [], { temperature: 1 }, random));
    };
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
  });
});
