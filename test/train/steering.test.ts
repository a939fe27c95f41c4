import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { exists } from "../../pipeline/runtime/files.ts";
import { pretrain } from "../../train/pretrain.ts";
import { readHistory } from "../../train/run/metrics.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makeTinyRun, notingContext } from "./tiny-run.ts";

const root = temporaryFolder();
const stepsOf = async (out = "") => (await readHistory(join(out, "metrics.jsonl"))).steps;
const weightsOf = (out = "", step = "000024") =>
  readFile(join(out, "checkpoints", `step-${step}`, "weights.safetensors"));

const whole = await makeTinyRun(root, "whole");
await pretrain(whole, notingContext());

describe("the control file of a run", () => {
  it("overrides the learning rate while it trains, and gives it back", async () => {
    const options = await makeTinyRun(root, "rate");
    const path = join(options.out ?? "", "control.yaml");
    const context = notingContext(({ event, step }) => {
      if (event === "step" && step === 10) writeFileSync(path, "learningRate: 0.5\n");
      if (event === "step" && step === 12) writeFileSync(path, "");
    });
    await pretrain(options, context);
    const rates = (await stepsOf(options.out)).map(({ learningRate }) => learningRate);
    const scheduled = (await stepsOf(whole.out)).map(({ learningRate }) => learningRate);
    assert.deepEqual(rates.slice(10, 12), [0.5, 0.5]);
    assert.deepEqual(
      [...rates.slice(0, 10), ...rates.slice(12)],
      [...scheduled.slice(0, 10), ...scheduled.slice(12)],
    );
  });

  it("ends training with a checkpoint, and the same command goes on to the same weights", async () => {
    const options = await makeTinyRun(root, "stopped");
    const path = join(options.out ?? "", "control.yaml");
    const context = notingContext(({ event, step }) => {
      if (event === "step" && step === 9) writeFileSync(path, "stop: true\n");
    });
    const figures = await pretrain(options, context);
    assert.equal(figures.ended, "control file");
    assert.equal(figures.steps, 9);
    assert.ok((await readdir(join(options.out ?? "", "checkpoints"))).includes("step-000009"));
    assert.equal(await exists(path), false, "an obeyed stop is taken away");
    await pretrain(options, notingContext());
    assert.deepEqual(await weightsOf(options.out), await weightsOf(whole.out));
  });

  it("is ignored, with a word, when it is nonsense", async () => {
    const options = await makeTinyRun(root, "nonsense");
    const context = notingContext(({ event, step }) => {
      if (event === "step" && step === 3) {
        writeFileSync(join(options.out ?? "", "control.yaml"), "learnigRate: 1\n");
      }
    });
    await pretrain(options, context);
    assert.match(context.lines.join("\n"), /control\.yaml: .*learnigRate.*; ignored/);
    assert.deepEqual(await weightsOf(options.out), await weightsOf(whole.out));
  });
});

describe("budgets", () => {
  it("of time end the command before they are overrun, with a checkpoint to go on from", async () => {
    const options = { ...(await makeTinyRun(root, "time")), maxSeconds: 1e-3 };
    const first = await pretrain(options, notingContext());
    assert.equal(first.ended, "time budget");
    assert.equal(first.steps, 1, "one step is taken, so that a short budget makes progress");
    assert.equal((await pretrain(options, notingContext())).steps, 2);
    await pretrain({ ...options, maxSeconds: 600 }, notingContext());
    assert.deepEqual(await weightsOf(options.out), await weightsOf(whole.out));
  });

  it("of tokens end the run at the last step within them", async () => {
    const options = await makeTinyRun(root, "tokens");
    const tokensPerStep = 4 * 8;
    const figures = await pretrain({ ...options, maxTokens: 10 * tokensPerStep + 5 }, notingContext());
    assert.equal(figures.steps, 10);
    assert.equal(figures.tokens, 10 * tokensPerStep);
    await assert.rejects(pretrain({ ...options, maxTokens: 31 }, notingContext()), {
      exitCode: 2,
      message: /--max-tokens 31: a step takes 32 tokens/,
    });
  });
});

describe("a spike of the loss", () => {
  // A model that learns slowly, and a window so strict that it finds spikes in the noise.
  const strict = (action: string) => (config: string) =>
    `${config.replace("learningRate: 0.02, minLearningRate: 0.002", "learningRate: 1.0e-5, minLearningRate: 1.0e-6")}spikes: { window: 10, deviations: 0.05, action: ${action} }\n`;
  const undisturbed = async () => {
    const options = await makeTinyRun(root, "slow", strict("report"));
    await pretrain(options, notingContext());
    return weightsOf(options.out);
  };

  it("is reported", async () => {
    const options = await makeTinyRun(root, "reported", strict("report"));
    const events: number[] = [];
    const context = notingContext(({ event, step }) => void (event === "spike" && events.push(Number(step))));
    await pretrain(options, context);
    assert.ok(events.length > 0);
    assert.match(context.lines.join("\n"), /loss \d\.\d{3} is a spike \(limit \d\.\d{3}.*training goes on/);
    assert.deepEqual(await weightsOf(options.out), await undisturbed(), "the same once more");
  });

  it("is skipped: its gradients change nothing, and it counts neither in the window nor in Adam's steps", async () => {
    const options = await makeTinyRun(root, "skipped", strict("skip"));
    await pretrain(options, notingContext());
    const steps = await stepsOf(options.out);
    const skipped = steps.filter(({ skipped }) => skipped === "spike");
    assert.ok(skipped.length > 0 && skipped.length < 10);
    assert.ok(skipped.every(({ loss, spikeLimit = Number.POSITIVE_INFINITY }) => loss > spikeLimit));
    const state = await readFile(join(options.out ?? "", "checkpoints", "step-000024", "state.json"), "utf8");
    assert.match(state, new RegExp(`"skippedSteps": ${skipped.length},`));
    const interrupted = await makeTinyRun(root, "skipped-interrupted", strict("skip"));
    const stopAt = skipped[0]!.step + 1;
    const context = notingContext(({ event, step }, abort) => {
      if (event === "step" && step === stopAt) abort();
    });
    await assert.rejects(pretrain(interrupted, context), /stopped/);
    await pretrain(interrupted, notingContext());
    assert.deepEqual(await weightsOf(interrupted.out), await weightsOf(options.out), "also when resumed");
  });

  it("stops the run before it does harm; with another setting the run goes on", async () => {
    const options = await makeTinyRun(root, "stopping", strict("stop"));
    await assert.rejects(pretrain(options, notingContext()), {
      exitCode: 2,
      message: /^step \d+: loss .* is a spike .*the weights are those before it; set spikes\.action to skip/,
    });
    const [newest] = (await readdir(join(options.out ?? "", "checkpoints"))).sort().reverse();
    const last = (await stepsOf(options.out)).at(-1)?.step;
    assert.equal(newest, `step-${String(last).padStart(6, "0")}`);
    const onward = await makeTinyRun(root, "stopping", strict("report"));
    await pretrain(onward, notingContext());
    assert.deepEqual(await weightsOf(onward.out), await undisturbed());
  });
});
