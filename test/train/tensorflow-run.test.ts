import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { type PretrainOptions, pretrain } from "../../train/pretrain.ts";
import { readHistory } from "../../train/run/metrics.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makeTinyRun, notingContext } from "./tiny-run.ts";

describe("pretrain on the tensorflow backend", () => {
  const root = temporaryFolder();
  let tiny: PretrainOptions;
  before(async () => {
    tiny = { ...(await makeTinyRun(root)), backend: "tensorflow" };
  });

  const run = async (name: string, options: Partial<PretrainOptions> = {}) => {
    const out = join(root, name);
    await pretrain({ ...tiny, out, ...options }, silentContext());
    return out;
  };
  const lossesOf = async (out: string) =>
    (await readHistory(join(out, "metrics.jsonl"))).steps.map(({ loss }) => loss);

  it("says which TensorFlow.js computes, and plans its memory", async () => {
    const context = notingContext();
    await pretrain({ ...tiny, plan: true }, context);
    const plan = context.lines.join("\n");
    assert.match(plan, /tensorflow \(TensorFlow\.js 4\.\d+\.\d+ .+, float32\), f32/);
    assert.match(plan, /workspace +[1-9]/);
  });

  it("has the losses of the reference", async () => {
    const [found, expected] = [await run("whole"), await run("reference", { backend: "reference" })];
    const [losses, wanted] = [await lossesOf(found), await lossesOf(expected)];
    assert.equal(losses.length, 24);
    assert.ok(wanted.at(-1)! < wanted[0]! - 0.5, "the model learns");
    for (const [step, loss] of wanted.entries()) {
      assert.ok(
        Math.abs(losses[step]! - loss) <= 1e-4,
        `step ${step + 1}: ${losses[step]}, expected ${loss}`,
      );
    }
  });

  it("goes on from a checkpoint to the same bytes", async () => {
    const out = join(root, "interrupted");
    const context = notingContext((event, abort) => {
      if (event.event === "step" && event.step === 9) abort();
    });
    await assert.rejects(pretrain({ ...tiny, out }, context), /stopped/);
    await pretrain({ ...tiny, out }, silentContext());
    for (const file of ["weights", "moments"]) {
      const path = join("checkpoints", "step-000024", `${file}.safetensors`);
      assert.deepEqual(await readFile(join(out, path)), await readFile(join(root, "whole", path)), file);
    }
  });
});
