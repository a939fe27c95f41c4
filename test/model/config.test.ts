import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modelConfigSchema, presets } from "../../model/config.ts";
import {
  buildModelTensors,
  countParameters,
  listParameterTensors,
  listTensors,
  trainingFlopsPerToken,
} from "../../model/parameters.ts";

const messagesOf = (config: object): string[] =>
  modelConfigSchema
    .safeParse(config)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

describe("presets", () => {
  it("have the published parameter counts", () => {
    assert.equal(countParameters(presets["apt3-1b"]), 1_041_754_112);
    assert.equal(Math.round(countParameters(presets["apt3-500m"]) / 1e6), 477);
    assert.equal(Math.floor(countParameters(presets["apt3-275m"]) / 1e6), 275);
  });

  it("are valid", () => {
    for (const preset of Object.values(presets)) assert.deepEqual(messagesOf(preset), []);
  });

  it("train at the published number of operations", () => {
    // 14.66 TFLOP for a row of 2048 tokens, by the count of 6·N + 12·L·H·Q·T.
    const row = 2048 * trainingFlopsPerToken(presets["apt3-1b"], 2048);
    assert.ok(Math.abs(row / 1e12 - 14.66) < 0.01);
  });
});

describe("a model config", () => {
  const demo = presets.demo;

  it("is refused with the values that clash", () => {
    assert.deepEqual(messagesOf({ ...demo, heads: 5, kvHeads: 5 }), [
      "heads: 5 heads do not divide dModel 64",
    ]);
    assert.deepEqual(messagesOf({ ...demo, heads: 64, kvHeads: 64 }), [
      "heads: head size 1 must be even for rotary positions",
    ]);
    assert.deepEqual(messagesOf({ ...demo, kvHeads: 3 }), [
      "kvHeads: 3 key/value heads do not divide 4 heads",
    ]);
  });

  it("has no unknown, missing or senseless members", () => {
    assert.match(messagesOf({ ...demo, dropout: 0.1 }).join(), /dropout/);
    for (const layers of [0, 1e9]) assert.match(messagesOf({ ...demo, layers }).join(), /^layers: /);
    assert.match(messagesOf({ ...demo, dModel: "64" }).join(), /^dModel: /);
    assert.match(messagesOf({ ...demo, ropeTheta: Number.NaN }).join(), /^ropeTheta: /);
  });
});

describe("the parameter layout", () => {
  const config = { ...presets.demo, kvHeads: 2 };

  it("has the names and shapes of Hugging Face's LlamaForCausalLM", () => {
    const parameters = new Map(
      listParameterTensors(config).flatMap(({ parts }) => parts.map(({ name, shape }) => [name, shape])),
    );
    assert.equal(parameters.size, 3 + 9 * config.layers);
    assert.deepEqual(parameters.get("model.embed_tokens.weight"), [1024, 64]);
    assert.deepEqual(parameters.get("model.layers.1.self_attn.k_proj.weight"), [32, 64]);
    assert.deepEqual(parameters.get("model.layers.0.mlp.down_proj.weight"), [64, 176]);
    assert.deepEqual(parameters.get("model.norm.weight"), [64]);
    assert.deepEqual(parameters.get("lm_head.weight"), [1024, 64]);
  });

  it("decays matrices, embeddings included, and no norm gain", () => {
    for (const { name, rows, decay } of listParameterTensors(config)) assert.equal(decay, rows > 1, name);
  });

  it("is listed in the same order as the leaves of a tree", () => {
    const names = listTensors(buildModelTensors(config, ({ name }) => name));
    assert.deepEqual(
      names,
      listParameterTensors(config).map(({ name }) => name),
    );
  });
});
