import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IGNORED_TARGET } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { openBackend, probeBackends } from "../../model/backends/registry.ts";
import { generate } from "../../model/generate.ts";
import { createInferenceSession } from "../../model/inference.ts";
import { backward, forward, loss } from "../../model/llama.ts";
import { setMicroBatch } from "../../model/training-model.ts";
import { applyAdamW } from "../../train/adamw.ts";
import { createTinyModel, maxDifference, readTensors, readTinyLlama } from "./tiny-llama.ts";

/** The project's promise for float32; see the fixtures' generator for what it is measured against. */
const tolerance = 1e-4;
const beginOfText = 1;
const marks = { beginOfText };

const probed = await probeBackends();

for (const [name, backendName, found] of ["tiny-llama", "tiny-llama-gqa"].flatMap((fixture) =>
  [...probed].map(([backend, found]) => [fixture, backend, found] as const),
)) {
  const skip = found.available ? false : found.reason;
  describe(`${name} on ${backendName} agrees with transformers`, { skip }, () => {
    it("in logits, loss and all gradients, whatever is recomputed", async () => {
      const fixture = await readTinyLlama(name);
      for (const recompute of ["none", "selective", "full"] as const) {
        const model = await createTinyModel(fixture, { recompute, backend: await openBackend(backendName) });
        const targets = setMicroBatch(model, Int32Array.from(fixture.ids.flat()), marks);
        forward(model);
        const logits = await model.backend.read(model.state.final.logits);
        assert.ok(maxDifference(logits, fixture.tensors.get("logits")) <= tolerance);

        loss(model, 1 / targets);
        backward(model);
        const [sum, , counted] = await model.backend.read(model.state.sums);
        assert.equal(counted, targets);
        assert.ok(Math.abs(sum! / counted - fixture.loss) <= tolerance);
        const gradients = await readTensors(model, model.state.gradients);
        assert.equal(gradients.size, 21);
        for (const [parameter, values] of gradients) {
          const difference = maxDifference(values, fixture.tensors.get(`gradients.${parameter}`));
          assert.ok(difference <= tolerance, `${recompute}: ${parameter} differs by ${difference}`);
        }
      }
    });

    it("in ten AdamW steps with clipping", async () => {
      const fixture = await readTinyLlama(name);
      const model = await createTinyModel(fixture, { backend: await openBackend(backendName) });
      const { learningRate } = fixture.optimizer;
      for (const [step, batch] of fixture.batches.entries()) {
        const targets = setMicroBatch(model, Int32Array.from(batch.flat()), marks);
        model.backend.zero(model.state.sums);
        forward(model);
        loss(model, 1 / targets);
        backward(model);
        applyAdamW(model, fixture.optimizer, learningRate, step + 1);
        const [sum] = await model.backend.read(model.state.sums);
        assert.ok(Math.abs(sum! / targets - fixture.losses[step]!) <= tolerance, `loss of step ${step}`);
      }
      for (const [parameter, values] of await readTensors(model, model.state.weights)) {
        const difference = maxDifference(values, fixture.tensors.get(`trained.${parameter}`));
        assert.ok(difference <= tolerance, `${parameter} differs by ${difference}`);
      }
    });

    it("in a greedy continuation with the key/value cache", async () => {
      const fixture = await readTinyLlama(name);
      const model = await createTinyModel(fixture, { backend: await openBackend(backendName) });
      const session = createInferenceSession(model.backend, fixture.config, model.state.weights);
      const text = fixture.greedy.slice(0, fixture.prompt);
      const options = { temperature: 0, seed: 0, stopIds: new Set<number>() };
      const maxNewTokens = fixture.greedy.length - fixture.prompt;
      for await (const id of generate(session, [...text], { ...options, maxNewTokens })) text.push(id);
      assert.deepEqual(text, fixture.greedy);
    });
  });
}

describe("gradient accumulation", () => {
  it("over two micro-batches equals one batch of both", async () => {
    const fixture = await readTinyLlama("tiny-llama-gqa");
    const whole = await createTinyModel(fixture);
    const targets = setMicroBatch(whole, Int32Array.from(fixture.ids.flat()), marks);
    forward(whole);
    loss(whole, 1 / targets);
    backward(whole);
    const halves = await createTinyModel(fixture, { sequences: 1 });
    for (const row of fixture.ids) {
      setMicroBatch(halves, Int32Array.from(row), marks);
      forward(halves);
      loss(halves, 1 / targets);
      backward(halves);
    }
    const expected = await readTensors(whole, whole.state.gradients);
    for (const [name, values] of await readTensors(halves, halves.state.gradients)) {
      assert.ok(maxDifference(values, expected.get(name)) <= 1e-6, name);
    }
  });
});

describe("document attention", () => {
  it("computes for each document in a row what it computes for the document alone", async () => {
    const fixture = await readTinyLlama("tiny-llama");
    const row = [beginOfText, 5, 9, 11, 2, beginOfText, 5, 9, 11, 2, 30, 31];
    const model = await createTinyModel(fixture, { sequences: 1, documentAttention: true });
    setMicroBatch(model, Int32Array.from(row), marks);
    forward(model);
    const logits = await model.backend.read(model.state.final.logits);
    const width = fixture.config.vocabSize;
    // Rotary positions are relative: the same document gives the same logits wherever it lies in the row.
    const first = logits.subarray(0, 5 * width);
    const second = logits.subarray(5 * width, 10 * width);
    assert.ok(maxDifference(first, second) <= 1e-4);
    const plain = await createTinyModel(fixture, { sequences: 1 });
    setMicroBatch(plain, Int32Array.from(row), marks);
    forward(plain);
    const mixed = await plain.backend.read(plain.state.final.logits);
    assert.ok(maxDifference(mixed.subarray(5 * width, 10 * width), second) > 0.01);
  });
});

describe("the targets of a row", () => {
  it("are the next tokens, but never padding", async () => {
    const fixture = await readTinyLlama("tiny-llama");
    const padded = [1, 5, 9, 11, 2, 3, 1, 5, 3, 3, 3, 3];
    const model = await createTinyModel(fixture, { sequences: 1 });
    const written: Int32Array[] = [];
    const backend = {
      ...model.backend,
      write: (_: unknown, values: Int32Array) => void written.push(values),
    };
    const spied = { ...model, backend: backend as typeof model.backend };
    assert.equal(setMicroBatch(spied, padded, { padding: 3 }), 6);
    const none = IGNORED_TARGET;
    assert.deepEqual([...written[1]!], [5, 9, 11, 2, none, 1, 5, none, none, none, none, none]);
    assert.equal(setMicroBatch(spied, padded), 11);
  });

  it("end with a document where only its end is marked, too", async () => {
    const fixture = await readTinyLlama("tiny-llama");
    const row = [7, 5, 2, 7, 5, 2, 30, 31, 32, 33, 34, 35];
    const model = await createTinyModel(fixture, { sequences: 1, documentAttention: true });
    setMicroBatch(model, row, { endOfText: 2 });
    forward(model);
    const logits = await model.backend.read(model.state.final.logits);
    const width = fixture.config.vocabSize;
    assert.ok(maxDifference(logits.subarray(0, 3 * width), logits.subarray(3 * width, 6 * width)) <= 1e-4);
    assert.throws(() => setMicroBatch(model, row, {}), /needs the id that starts or ends one/);
  });
});

describe("the reference backend", () => {
  it("reports a failed operation at the next read and then goes on", async () => {
    const backend = createReferenceBackend();
    const f32 = backend.create({ name: "floats", dtype: "f32", rows: 1, columns: 2 });
    const i32 = backend.create({ name: "integers", dtype: "i32", rows: 1, columns: 2 });
    backend.swiglu({ gateUp: i32, out: f32 });
    await assert.rejects(backend.read(f32), /integers: expected f32, found i32/);
    backend.write(f32, Float32Array.of(1, 2));
    assert.deepEqual(await backend.read(f32), Float32Array.of(1, 2));
  });

  it("reads a buffer as it was when the read was enqueued", async () => {
    const backend = createReferenceBackend();
    const buffer = backend.create({ name: "x", dtype: "f32", rows: 1, columns: 1 });
    backend.write(buffer, Float32Array.of(1));
    const before = backend.read(buffer);
    backend.write(buffer, Float32Array.of(2));
    assert.deepEqual(await before, Float32Array.of(1));
  });
});
