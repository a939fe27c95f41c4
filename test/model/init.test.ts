import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { presets } from "../../model/config.ts";
import { initialValues } from "../../model/init.ts";
import { listParameterTensors } from "../../model/parameters.ts";
import { createRandom, randomPermutation } from "../../model/random.ts";

/** Published constants at a size that is quick to draw. */
const small = { ...presets["apt3-275m"], vocabSize: 512, layers: 2, dModel: 64, dHidden: 176 };
const tensors = listParameterTensors(small);
const find = (part: string) => tensors.find(({ name }) => name.includes(part))!;

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

describe("initial values", () => {
  it("are N(0, 0.02), for residual projections 0.02/√(2·layers), and 1 for norm gains", () => {
    for (const tensor of tensors) {
      const values = initialValues(small, tensor, 1337);
      if (!tensor.decay) {
        assert.ok(values.every((value) => value === 1));
        continue;
      }
      const residual = /o_proj|down_proj/.test(tensor.name);
      const expected = residual ? 0.02 / Math.sqrt(2 * small.layers) : 0.02;
      // Four standard errors of a standard deviation.
      const allowed = (4 * expected) / Math.sqrt(2 * values.length);
      assert.ok(Math.abs(deviation(values) - expected) < allowed, tensor.name);
    }
  });

  it("depend on seed and name alone", () => {
    const head = find("lm_head");
    assert.deepEqual(initialValues(small, head, 1), initialValues(small, head, 1));
    assert.notDeepEqual(initialValues(small, head, 1), initialValues(small, head, 2));
    const first = initialValues(small, find("layers.0.mlp.down"), 1);
    assert.notDeepEqual(first, initialValues(small, find("layers.1.mlp.down"), 1));
    const deeper = { ...small, layers: 4 };
    assert.deepEqual(initialValues(deeper, head, 1), initialValues(small, head, 1));
  });
});

describe("random numbers", () => {
  it("never change: runs of earlier versions must stay reproducible", () => {
    const random = createRandom(1337, "test");
    const drawn = [random.uniform(), random.uniform(), random.normal(), random.normal()];
    assert.deepEqual(
      drawn,
      [0.513487524818629, 0.40198411233723164, -0.06826349731746739, 0.5964914071383827],
    );
  });

  it("are uniform and normal", () => {
    const random = createRandom(5, "moments");
    const count = 100_000;
    let [uniform, normal, squares] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      uniform += random.uniform();
      const value = random.normal();
      normal += value;
      squares += value * value;
    }
    const limit = 4 / Math.sqrt(count);
    assert.ok(Math.abs(uniform / count - 0.5) < limit / Math.sqrt(12));
    assert.ok(Math.abs(normal / count) < limit);
    assert.ok(Math.abs(squares / count - 1) < limit * Math.SQRT2);
  });

  it("permute without loss and every way about equally often", () => {
    const random = createRandom(3, "orders");
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = randomPermutation(random, 3).join("");
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    assert.deepEqual([...seen.keys()].sort(), ["012", "021", "102", "120", "201", "210"]);
    for (const times of seen.values()) assert.ok(Math.abs(times - 1000) < 150);
  });
});
