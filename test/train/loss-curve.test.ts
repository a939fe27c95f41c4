import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { z } from "zod";
import type { ComputeType } from "../../model/backend.ts";
import { type BackendName, openBackend, probeBackends } from "../../model/backends/registry.ts";
import { parseHuggingFaceConfig } from "../../model/hugging-face.ts";
import { initialValues } from "../../model/init.ts";
import { backward, forward, loss } from "../../model/llama.ts";
import { createTrainingModel, setMicroBatch, setWeights } from "../../model/training-model.ts";
import { applyAdamW } from "../../train/adamw.ts";

const curveSchema = z.object({
  config: z.unknown(),
  seed: z.number(),
  rowsPerBatch: z.number(),
  rowLength: z.number(),
  optimizer: z.object({
    betas: z.tuple([z.number(), z.number()]),
    epsilon: z.number(),
    weightDecay: z.number(),
    clipNorm: z.number(),
  }),
  learningRates: z.array(z.number()),
  rows: z.base64(),
  losses: z.array(z.number()),
});

/** What make_curve.py measured with PyTorch. */
const curve = await readFile(new URL("../fixtures/model/curve.json", import.meta.url), "utf8").then((text) =>
  curveSchema.parse(JSON.parse(text)),
);

/** The project's promises: absolute in float32, a share of the loss in bf16. */
const f32Tolerance = 1e-3;
const bf16Tolerance = 0.01;

async function trainCurve(name: BackendName, computeType: ComputeType): Promise<number[]> {
  const backend = await openBackend(name);
  const config = parseHuggingFaceConfig("curve.json", JSON.stringify(curve.config));
  const { rowsPerBatch: sequences, rowLength: sequenceLength } = curve;
  const shape = { sequences, sequenceLength, recompute: "none", documentAttention: false } as const;
  const model = createTrainingModel(backend, { config, computeType, ...shape });
  await setWeights(model, (tensor) => initialValues(config, tensor, curve.seed));
  const bytes = Buffer.from(curve.rows, "base64");
  const rows = Uint16Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16LE(2 * index));
  const length = sequences * sequenceLength;
  const losses: number[] = [];
  for (const [step, learningRate] of curve.learningRates.entries()) {
    const start = (step * length) % rows.length;
    const targets = setMicroBatch(model, rows.subarray(start, start + length));
    backend.zero(model.state.sums);
    forward(model);
    loss(model, 1 / targets);
    backward(model);
    applyAdamW(model, curve.optimizer, learningRate, step + 1);
    const [sum = Number.NaN] = await backend.read(model.state.sums);
    losses.push(sum / targets);
  }
  await backend.close();
  return losses;
}

const probed = await probeBackends();

describe("a curve of 200 steps on real rows overlays PyTorch's", () => {
  for (const [name, found] of probed) {
    for (const computeType of ["f32", "bf16"] as const) {
      it(`${name} in ${computeType}`, async (test) => {
        if (!found.available) return test.skip(found.reason);
        const backend = await openBackend(name);
        const computes = backend.computeTypes.includes(computeType);
        await backend.close();
        if (!computes) return test.skip(`${name} does not compute in ${computeType}`);

        const losses = await trainCurve(name, computeType);
        assert.equal(losses.length, 200);
        assert.ok(curve.losses.at(-1)! < curve.losses[0]! - 1, "the fixture's model learns");
        for (const [step, expected] of curve.losses.entries()) {
          const difference = Math.abs(losses[step]! - expected);
          const tolerance = computeType === "f32" ? f32Tolerance : bf16Tolerance * expected;
          assert.ok(
            difference <= tolerance,
            `step ${step + 1}: ${losses[step]}, PyTorch ${expected}: ${difference} apart`,
          );
        }
      });
    }
  }
});
