import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Backend, DeviceBuffer } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { type FinishReason, generateBatch } from "../../model/generate.ts";
import { createInferenceBatch, createInferenceSession, inferenceBytes } from "../../model/inference.ts";
import { createTinyModel, maxDifference, readTinyLlama } from "./tiny-llama.ts";

const fixture = await readTinyLlama("tiny-llama-gqa");
const model = await createTinyModel(fixture);
const { backend } = model;
const { config } = fixture;
const { weights } = model.state;
/** Prompts of three lengths, so that two of them are filled up. */
const prompts = [[5, 9, 11, 2, 30], [7], [1, 2, 3]];

async function continueAll(texts: readonly number[][], maxNewTokens: number, capacity?: number) {
  const options = { sequences: texts.length, ...(capacity === undefined ? {} : { capacity }) };
  const batch = createInferenceBatch(backend, config, weights, options);
  const written = texts.map((): number[] => []);
  const finished: (FinishReason | undefined)[] = texts.map(() => undefined);
  const sampling = { temperature: 0, seed: 1, stopIds: new Set<number>(), maxNewTokens };
  for await (const event of generateBatch(batch, texts, sampling)) {
    if ("id" in event) written[event.text]!.push(event.id);
    else finished[event.text] = event.finish;
  }
  batch.close();
  return { written, finished };
}

describe("a batch of texts", () => {
  it("has for each text the logits it has alone", async () => {
    const batch = createInferenceBatch(backend, config, weights, { sequences: 3 });
    const sessions = prompts.map(() => createInferenceSession(backend, config, weights));
    for (const tokens of [prompts, [[4], [8, 9, 10], [6]], [[1], [1], [1]]]) {
      const together = await batch.feed(tokens);
      for (const [index, ids] of tokens.entries()) {
        const alone = await sessions[index]!.feed(ids);
        assert.ok(maxDifference(together[index]!, alone) <= 1e-6, `text ${index} after ${ids.length} tokens`);
      }
    }
    assert.deepEqual(batch.lengths, [7, 5, 5]);
  });

  it("gives no logits to a text that brings no tokens, and leaves it as it is", async () => {
    const batch = createInferenceBatch(backend, config, weights, { sequences: 2 });
    await batch.feed([[5, 9], [7]]);
    const [none, some] = await batch.feed([[], [3]]);
    assert.equal(none, undefined);
    assert.equal(some?.length, config.vocabSize);
    const [first] = await batch.feed([[11], []]);
    const session = createInferenceSession(backend, config, weights);
    await session.feed([5, 9]);
    assert.ok(maxDifference(first!, await session.feed([11])) <= 1e-6);
    assert.deepEqual(await batch.feed([[], []]), [undefined, undefined]);
  });

  it("is continued as each text alone would be", async () => {
    const { written, finished } = await continueAll(prompts, 12);
    for (const [index, prompt] of prompts.entries()) {
      assert.deepEqual(written[index], (await continueAll([prompt], 12)).written[0], `text ${index}`);
    }
    assert.deepEqual(finished, ["length", "length", "length"]);
  });

  it("lets a text that fills the memory end, and the others go on", async () => {
    const { written, finished } = await continueAll(prompts, 9, 10);
    assert.deepEqual(finished, ["context", "length", "context"]);
    // Of a text of 5 tokens, 5 more fit, and one is drawn that need not be stored.
    assert.deepEqual(
      written.map((ids) => ids.length),
      [6, 9, 8],
    );
    assert.deepEqual(written[2], (await continueAll([prompts[2]!], 8)).written[0]);
  });

  it("draws for each text from a stream of its own", async () => {
    const draw = async (texts: number[][]) => {
      const batch = createInferenceBatch(backend, config, weights, { sequences: texts.length });
      const written = texts.map((): number[] => []);
      const sampling = { temperature: 1, seed: 3, stopIds: new Set<number>(), maxNewTokens: 10 };
      for await (const event of generateBatch(batch, texts, sampling)) {
        if ("id" in event) written[event.text]!.push(event.id);
      }
      return written;
    };
    const [first, second] = await draw([
      [5, 9],
      [5, 9],
    ]);
    assert.notDeepEqual(first, second);
    assert.deepEqual(
      (
        await draw([
          [5, 9],
          [30, 31, 32],
        ])
      )[0],
      first,
      "whatever stands beside it",
    );
  });

  it("refuses tokens that are not the model's, or too many", async () => {
    const batch = createInferenceBatch(backend, config, weights, { sequences: 1, capacity: 4 });
    await assert.rejects(batch.feed([[1, 2, 3, 4, 5]]), /5 tokens do not fit the model's context of 4/);
    await assert.rejects(batch.feed([[61]]), /token id 61 is not in the model's vocabulary of 61/);
    await assert.rejects(createInferenceSession(backend, config, weights).feed([]), /has no tokens/);
  });

  it("takes memory for the tokens that come, whatever context the model claims to have", async () => {
    const boundless = { ...config, maxSequenceLength: 1e12 };
    const options = { sequences: 1, capacity: 6 };
    const [expected] = await createInferenceBatch(backend, config, weights, options).feed([[1, 2, 3]]);
    assert.deepEqual(await createInferenceBatch(backend, boundless, weights, options).feed([[1, 2, 3]]), [
      expected,
    ]);
  });

  it("takes the memory it says, gives back that of a long prompt, and everything when closed", async () => {
    const live = new Map<DeviceBuffer, number>();
    const counting: Backend = {
      ...createReferenceBackend(),
      create(spec) {
        const buffer = backend.create(spec);
        live.set(buffer, spec.rows * spec.columns * 4);
        return buffer;
      },
      free: (buffer) => void live.delete(buffer),
      write: (buffer, values) => backend.write(buffer, values),
    };
    const total = () => [...live.values()].reduce((sum, bytes) => sum + bytes, 0);
    const sizes = { sequences: 2, capacity: 20 };
    const batch = createInferenceBatch({ ...backend, ...pick(counting) }, config, weights, sizes);
    const before = total();
    await batch.feed([[1, 2, 3, 4, 5, 6, 7, 8], [1]]);
    const during = total();
    const planned = inferenceBytes(config, "f32", { ...sizes, longestFeed: 8 });
    assert.ok(Math.abs(during - planned) < 0.02 * planned, `${during} taken, ${planned} planned`);
    await batch.feed([[1], [1]]);
    assert.equal(total(), before);
    batch.close();
    assert.equal(total(), 0);
  });
});

const pick = ({ create, free }: Backend) => ({ create, free });
