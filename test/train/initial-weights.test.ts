import assert from "node:assert/strict";
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openSafetensors } from "../../model/safetensors.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { type PretrainOptions, pretrain } from "../../train/pretrain.ts";
import { readHistory } from "../../train/run/metrics.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makePackedFolder } from "./packed-folder.ts";
import { notingContext } from "./tiny-run.ts";
import { makeExportedModel } from "./use/exported-model.ts";

const root = temporaryFolder();
const { model, trained, run } = await makeExportedModel(root);
const start = (name: string, change: Partial<PretrainOptions> = {}): PretrainOptions => ({
  ...trained,
  out: join(root, name),
  initFrom: model,
  ...change,
});
const lossesOf = async (out: string) =>
  (await readHistory(join(out, "metrics.jsonl"))).steps.map(({ loss }) => loss);

describe("a run from an existing model", () => {
  it("starts with its weights", async () => {
    const gentle = join(root, "gentle.yaml");
    const text = await readFile(trained.config ?? "", "utf8");
    // A learning rate this small leaves the weights as they were.
    await writeFile(
      gentle,
      text.replace("0.02, minLearningRate: 0.002", "1.0e-30, minLearningRate: 1.0e-30"),
    );
    const options = start("gentle", { config: gentle, steps: 1 });
    await pretrain(options, silentContext());
    const [before, after] = await Promise.all(
      [join(run, "checkpoints", "step-000003"), join(options.out ?? "", "checkpoints", "step-000001")].map(
        (folder) => openSafetensors(join(folder, "weights.safetensors")),
      ),
    );
    for (const name of before!.tensors.keys()) {
      assert.deepEqual(await after!.readFloats(name), await before!.readFloats(name), name);
    }
    await before!.close();
    await after!.close();
  });

  it("goes on like any other when it is interrupted, also without the folder", async () => {
    const whole = start("whole");
    await pretrain(whole, silentContext());
    assert.notDeepEqual(await lossesOf(whole.out ?? ""), await lossesOf(run), "not from random weights");
    const options = start("interrupted");
    const context = notingContext(({ event, step }, abort) => {
      if (event === "step" && step === 2) abort();
    });
    await assert.rejects(pretrain(options, context), /stopped/);
    const { initFrom: _none, ...without } = options;
    await pretrain(without, silentContext());
    assert.deepEqual(await lossesOf(options.out ?? ""), await lossesOf(whole.out ?? ""));
  });

  it("needs the folder again as long as it has no checkpoint", async () => {
    const options = start("no-checkpoint");
    const context = notingContext(({ event }, abort) => {
      if (event === "step") abort();
    });
    await assert.rejects(pretrain(options, context), /stopped/);
    await rm(join(options.out ?? "", "checkpoints"), { recursive: true });
    const { initFrom: _none, ...without } = options;
    await assert.rejects(pretrain(without, silentContext()), {
      exitCode: 2,
      message:
        /no-checkpoint: has no checkpoint yet and starts from an existing model; give --init-from again/,
    });
  });

  it("is another run than one from random weights", async () => {
    await assert.rejects(
      pretrain({ ...start("run"), out: run }, silentContext()),
      /made by another configuration/,
    );
  });
});

describe("--init-from refuses", () => {
  const refuse = (options: PretrainOptions, message: RegExp) =>
    assert.rejects(pretrain(options, silentContext()), { exitCode: 2, message });

  it("a folder that is no model", async () => {
    await refuse(start("none", { initFrom: root }), /config\.json: no such file/);
  });

  it("a model of another shape", async () => {
    const config = join(root, "wider.yaml");
    const text = await readFile(trained.config ?? "", "utf8");
    await writeFile(config, text.replace("dHidden: 24", "dHidden: 32"));
    await refuse(
      start("wider", { config }),
      /--init-from .*model: its dHidden is 24, the config has model\.dHidden 32; make the config that of the folder/,
    );
  });

  it("a model of another tokenizer than the data's", async () => {
    const data = join(root, "other-data");
    await makePackedFolder(data, { vocabSize: 60, tokenizerSha256: "1".repeat(64) });
    await refuse(start("other", { data }), /its tokenizer\.json is not the one the data was packed with/);
  });

  it("a model whose weights are cut off", async () => {
    const folder = join(root, "cut");
    await cp(model, folder, { recursive: true });
    const path = join(folder, "model.safetensors");
    await writeFile(path, (await readFile(path)).subarray(0, -5));
    await refuse(start("cut-run", { initFrom: folder }), /model\.safetensors: the header describes/);
    await rename(path, join(folder, "elsewhere"));
    await assert.rejects(pretrain(start("cut-run", { initFrom: folder }), silentContext()), {
      code: "ENOENT",
    });
  });
});
