import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openMetrics, readHistory, type StepMetrics } from "../../../train/run/metrics.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();
const never = () => assert.fail("the disk is not full");

const stepLine = (step: number, change: Partial<StepMetrics> = {}): StepMetrics => ({
  step,
  loss: 5 - step / 100,
  accuracy: 0.1,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokens: step * 10,
  cursor: { epoch: 0, row: step },
  timing: { time: 1.7e9 + step, seconds: 1, tokensPerSecond: 10, teraflops: 1, memoryBytes: 1e9 },
  ...change,
});
const evaluation = { loss: 4, perplexity: 55, accuracy: 0.2, tokens: 100, bitsPerByte: 2 };

describe("metrics", () => {
  it("come back as they were written", async () => {
    const path = join(root, "whole.jsonl");
    const file = await openMetrics(path, 0, never);
    const samples = [{ prompt: "W", text: " Polsce\nżyje" }];
    await file.append(stepLine(1));
    await file.append(stepLine(2, { skipped: "spike", spikeLimit: 4.5 }));
    await file.append({ step: 2, evaluation });
    await file.append({ step: 2, samples });
    await file.close();
    const history = await readHistory(path);
    assert.deepEqual(history, file.history);
    assert.deepEqual(history, {
      steps: [stepLine(1), stepLine(2, { skipped: "spike", spikeLimit: 4.5 })],
      evaluations: [{ step: 2, evaluation }],
      samples: [{ step: 2, samples }],
    });
  });

  it("keep a loss that is no number as such", async () => {
    const path = join(root, "nan.jsonl");
    const file = await openMetrics(path, 0, never);
    await file.append(stepLine(1, { loss: Number.NaN, gradientNorm: Number.POSITIVE_INFINITY }));
    await file.close();
    const [step] = (await readHistory(path)).steps;
    assert.ok(Number.isNaN(step?.loss) && Number.isNaN(step?.gradientNorm));
  });

  it("are refused with a damaged line among them, which is named", async () => {
    const path = join(root, "damaged.jsonl");
    const lines = [1, 2, 3].map((step) => JSON.stringify(stepLine(step)));
    await writeFile(path, `${lines[0]}\n{"step":2,"loss":"much"}\n${lines[2]}\n`);
    const refusal = {
      name: "UserError",
      message: `${path}:2: not a line of metrics; delete it to go on without it`,
    };
    await assert.rejects(openMetrics(path, 3, never), refusal);
    await assert.rejects(readHistory(path), refusal);
    // Behind the checkpoint it is lost anyway.
    const file = await openMetrics(path, 1, never);
    await file.close();
    assert.equal(await readFile(path, "utf8"), `${lines[0]}\n`);
  });

  it("lose what a killed run wrote after its checkpoint, and half a line", async () => {
    const path = join(root, "killed.jsonl");
    const file = await openMetrics(path, 0, never);
    for (const step of [1, 2, 3, 4]) await file.append(stepLine(step));
    await file.append({ step: 4, evaluation });
    await file.close();
    await appendFile(path, '{"step":2,"lo');
    const again = await openMetrics(path, 2, never);
    assert.deepEqual(again.history.steps, [stepLine(1), stepLine(2)]);
    assert.deepEqual(again.history.evaluations, []);
    await again.append(stepLine(3));
    await again.close();
    assert.equal((await readFile(path, "utf8")).trim().split("\n").length, 3);
  });

  it("that are not there are none, and foreign lines are left out", async () => {
    const none = { steps: [], evaluations: [], samples: [] };
    assert.deepEqual(await readHistory(join(root, "none.jsonl")), none);
    await writeFile(join(root, "foreign.jsonl"), '[]\n{"step":-1}\nnull\n{"step":3}\n');
    assert.deepEqual(await readHistory(join(root, "foreign.jsonl")), none);
  });
});
