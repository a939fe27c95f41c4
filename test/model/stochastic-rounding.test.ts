import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Backend } from "../../model/backend.ts";
import { backendNames, probeBackends } from "../../model/backends/registry.ts";
import { fromBfloat16, toBfloat16 } from "../../model/bfloat16.ts";
import { roundingNoise, roundingSeed, roundStochastically } from "../../model/stochastic-rounding.ts";

const elements = 4096;
const updates = 60;
const beta2 = 0.999;

/** Second moments that start at 1 and see no gradient: exactly, all of them end at beta2^updates. */
async function decayedMoments(backend: Backend): Promise<Float32Array> {
  const spec = (name: string, dtype: "f32" | "bf16") => ({ name, dtype, rows: 1, columns: elements });
  const [bf16] = backend.computeTypes.filter((type) => type === "bf16");
  const tensor = {
    weight: backend.create(spec("weight", bf16 ?? "f32")),
    ...(bf16 === undefined ? {} : { master: backend.create(spec("master", "f32")) }),
    gradient: backend.create(spec("gradient", "f32")),
    firstMoment: backend.create(spec("first moment", "bf16")),
    secondMoment: backend.create(spec("second moment", "bf16")),
    weightDecay: 0,
  };
  backend.write(tensor.secondMoment, new Float32Array(elements).fill(1));
  const squaredNorm = backend.create({ name: "squared norm", dtype: "f32", rows: 1, columns: 1 });
  for (let update = 1; update <= updates; update++) {
    const step = { learningRate: 0.1, beta1: 0.9, beta2, epsilon: 1e-8, update, squaredNorm, maxNorm: 1 };
    backend.adamw({ tensors: [tensor], ...step });
  }
  return backend.read(tensor.secondMoment);
}

const probed = await probeBackends();

describe("AdamW's moments in bf16", () => {
  for (const name of backendNames) {
    const found = probed.get(name);
    const skip = found?.available ? false : (found?.reason ?? "not probed");
    it(`are right on average where rounding to nearest would stall: ${name}`, { skip }, async () => {
      assert.ok(found?.available);
      const backend = await found.open();
      const moments = await decayedMoments(backend);
      assert.deepEqual(await decayedMoments(backend), moments, "the same calls give the same bits");
      await backend.close();
      const mean = moments.reduce((sum, value) => sum + value, 0) / elements;
      // Each rounding has a deviation of at most 1/512; over 60 updates and 4096 elements that of the mean is 2e-4.
      assert.ok(Math.abs(mean - beta2 ** updates) < 1e-3, `mean ${mean}, exactly ${beta2 ** updates}`);
      assert.ok(new Set(moments).size > 3, "elements are rounded independently");
    });
  }

  it("stall when rounded to nearest", () => {
    let moments = new Float32Array([1]);
    for (let update = 0; update < updates; update++) {
      moments = fromBfloat16(toBfloat16(moments.map((value) => value * beta2)));
    }
    assert.equal(moments[0], 1);
  });

  it("stay as they are when bf16 can hold them", () => {
    for (const value of [0, 1, -1.5, 2 ** -130]) {
      for (const noise of [0, 0x7fff, 0xffff]) {
        const bits = roundStochastically(value, noise);
        assert.equal(fromBfloat16(Uint16Array.of(bits))[0], value);
      }
    }
  });

  it("get different noise in other elements, tensors and updates", () => {
    const seeds = [roundingSeed(1, 0), roundingSeed(1, 1), roundingSeed(2, 0)];
    const streams = seeds.map((seed) => [0, 1, 2, 3].map((element) => roundingNoise(seed, element)));
    assert.equal(new Set(streams.flat()).size, 12);
  });
});
