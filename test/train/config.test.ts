import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { presets } from "../../model/config.ts";
import {
  formatTrainingConfig,
  parseTrainingConfig,
  readTrainingConfig,
  tokensPerStep,
} from "../../train/config.ts";

const folder = new URL("../../train/configs/", import.meta.url);
const pathOf = (name: string) => new URL(`${name}.yaml`, folder).pathname;

describe("the shipped configs", () => {
  it("state the published hyperparameters of APT3-1B", async () => {
    const config = await readTrainingConfig(pathOf("apt3-1b"), undefined);
    assert.deepEqual(config.model, presets["apt3-1b"]);
    assert.deepEqual(config.batch, { microBatch: 1, accumulation: 1024, sequenceLength: 2048 });
    assert.equal(tokensPerStep(config), 2_097_152);
    assert.equal(tokensPerStep(config) * config.schedule.steps, 60_607_692_800);
    assert.deepEqual(config.schedule, {
      steps: 28_900,
      learningRate: 2e-4,
      minLearningRate: 2e-5,
      warmupSteps: 1000,
    });
    assert.deepEqual(config.optimizer, {
      betas: [0.9, 0.95],
      epsilon: 1e-8,
      weightDecay: 0.1,
      clipNorm: 1,
      moments: "auto",
    });
  });

  it("have the shapes of their presets and the same tokens a step", async () => {
    for (const name of ["apt3-500m", "apt3-275m"] as const) {
      const config = await readTrainingConfig(pathOf(name), undefined);
      assert.deepEqual(config.model, presets[name]);
      assert.equal(tokensPerStep(config), 2_097_152);
    }
  });

  it("read back from the form a run stores", async () => {
    for (const name of ["apt3-1b", "demo", "demo-large"]) {
      const config = await readTrainingConfig(pathOf(name), { vocabSize: 1000, seqLen: 128 });
      assert.deepEqual(parseTrainingConfig("config.yaml", formatTrainingConfig(config), undefined), config);
    }
  });

  it("have the demo's shape of its preset", async () => {
    const { vocabSize, maxSequenceLength } = presets.demo;
    const config = await readTrainingConfig(pathOf("demo"), { vocabSize, seqLen: maxSequenceLength });
    assert.deepEqual(config.model, presets.demo);
  });

  it("take from the data what the demo leaves open", async () => {
    const { model, batch } = await readTrainingConfig(pathOf("demo"), { vocabSize: 1234, seqLen: 64 });
    assert.equal(model.vocabSize, 1234);
    assert.equal(model.maxSequenceLength, 64);
    assert.equal(batch.sequenceLength, 64);
  });
});

describe("a mistake in a config is one line with file, place, value and limit", async () => {
  const text = await readFile(pathOf("apt3-1b"), "utf8");
  const mistakes: [what: string, from: string | RegExp, to: string, message: RegExp][] = [
    ["a range", "0.95]", "1.5]", /^x\.yaml: optimizer\.betas\[1\]: .*<1, found 1\.5$/],
    [
      "an unknown key",
      "clipNorm: 1.0",
      "clipNorm: 1.0\n  momentum: 0.9",
      /^x\.yaml: optimizer: .*"momentum"/,
    ],
    ["a missing key", /seed: .*\n/, "", /^x\.yaml: seed is missing: expected number/],
    ["a wrong type", "seed: 1337", "seed: lucky", /^x\.yaml: seed: .*found "lucky"/],
    ["heads", "heads: 32\n", "heads: 31\n", /^x\.yaml: model\.heads: 31 heads do not divide dModel 2048/],
    [
      "too long rows",
      "sequenceLength: 2048",
      "sequenceLength: 4096",
      /batch\.sequenceLength: is more than model\.maxS/,
    ],
    ["rates", "minLearningRate: 0.00002", "minLearningRate: 1", /schedule\.minLearningRate: is more than/],
    [
      "a warm-up without an end",
      "warmupSteps: 1000",
      "warmupSteps: 1000000",
      /schedule\.warmupSteps: is more than schedule\.steps \d+; the learning rate would never be reached/,
    ],
    ["YAML", "seed: 1337", "seed: [1337", /^x\.yaml:\d+: not valid YAML: /],
    ["a preset", /model:\n( {2}.*\n)+/, "model: apt4\n", /^x\.yaml: model: .*found "apt4"/],
    [
      "passes",
      "epochs: 1",
      "epochs: 0.5",
      /data\.epochs: expected a whole number from 1, or "unlimited".*found 0\.5/,
    ],
    ["an action", "action: skip", "action: cry", /spikes\.action: .*found "cry"/],
    ["a window", "window: 100", "window: 1", /spikes\.window: .*found 1$/],
    ["prompts", /prompts:\n( {4}.*\n)+/, "prompts: [7]\n", /samples\.prompts\[0\]: .*found 7/],
    ["no table", /^[\s\S]*$/, "- 1\n", /^x\.yaml: .*expected object, received array, found \[1\]/],
  ];
  for (const [what, from, to, message] of mistakes) {
    it(what, () => {
      assert.throws(() => parseTrainingConfig("configs/x.yaml", text.replace(from, to), undefined), {
        name: "UserError",
        message,
      });
    });
  }

  it("may leave out samples, and what to do about spikes", () => {
    const plain = parseTrainingConfig("x.yaml", text.replace(/spikes:[\s\S]*$/, ""), undefined);
    assert.equal(plain.samples, undefined);
    assert.deepEqual(plain.spikes, { window: 100, deviations: 8, action: "report" });
    assert.equal(plain.data.documentAttention, false);
  });

  it("accepts the name of a preset", () => {
    const named = text.replace(/model:\n( {2}.*\n)+/, "model: apt3-275m\n");
    assert.deepEqual(parseTrainingConfig("x.yaml", named, undefined).model, presets["apt3-275m"]);
  });
});
