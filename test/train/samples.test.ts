import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { type PretrainOptions, pretrain } from "../../train/pretrain.ts";
import { readHistory } from "../../train/run/metrics.ts";
import { temporaryFolder } from "../support/folders.ts";
import { notingContext } from "./tiny-run.ts";
import { makeExportedModel } from "./use/exported-model.ts";

const root = temporaryFolder();
const { tokenizer, trained } = await makeExportedModel(root);
const prompts = ["Ala ma", "Zażółć"];

async function optionsFor(name: string, samples: string): Promise<PretrainOptions> {
  const config = join(root, `${name}.yaml`);
  await writeFile(config, `${await readFile(trained.config ?? "", "utf8")}samples: ${samples}\n`);
  return { ...trained, config, out: join(root, name), tokenizer };
}
const asked = `{ every: 2, prompts: ${JSON.stringify(prompts)}, maxNewTokens: 8 }`;
const samplesOf = async (name: string) => (await readHistory(join(root, name, "metrics.jsonl"))).samples;

describe("samples during training", () => {
  it("continue the config's prompts at the asked-for steps and the last", async () => {
    const context = notingContext();
    await pretrain(await optionsFor("whole", asked), context);
    const written = await samplesOf("whole");
    assert.deepEqual(
      written.map(({ step }) => step),
      [2, 3],
    );
    for (const { samples } of written) {
      assert.deepEqual(
        samples.map(({ prompt }) => prompt),
        prompts,
      );
      assert.ok(samples.every(({ text }) => text.length > 0));
    }
    assert.match(context.lines.join("\n"), /step 2: “Ala ma” → /);
    assert.match(await readFile(join(root, "whole", "report.html"), "utf8"), /What the model writes/);
  });

  it("are the same after an interruption, and leave the weights alone", async () => {
    const options = await optionsFor("interrupted", asked);
    const context = notingContext(({ event }, abort) => {
      if (event === "evaluation") abort();
    });
    await assert.rejects(pretrain(options, context), /stopped/);
    await pretrain(options, silentContext());
    assert.deepEqual(await samplesOf("interrupted"), await samplesOf("whole"));
    const weights = (run: string) => readFile(join(run, "checkpoints", "step-000003", "weights.safetensors"));
    assert.deepEqual(await weights(join(root, "interrupted")), await weights(trained.out ?? ""));
  });

  it("are left out, with a word, when the tokenizer is not at hand; not when it was named", async () => {
    const { tokenizer: _none, ...options } = await optionsFor("without", asked);
    const context = notingContext();
    await pretrain(options, context);
    assert.match(context.lines.join("\n"), /no samples during training: .*tokenizer/);
    assert.deepEqual(await samplesOf("without"), []);
    await assert.rejects(pretrain({ ...options, tokenizer: join(root, "none") }, silentContext()), {
      exitCode: 2,
      message: /none.tokenizer\.json: no such file/,
    });
  });

  it("have their memory in the plan", async () => {
    const options = { ...(await optionsFor("planned", asked)), plan: true, tokensPerSecond: 1 };
    const context = notingContext();
    const { memory } = await pretrain(options, context);
    assert.match(context.lines.join("\n"), /\n {2}samples +\d+(\.\d+)? kB\n/);
    assert.match(context.lines.join("\n"), /time +48 s at 1 tokens\/s \(calculated\)/);
    assert.ok((memory as { samples: number }).samples > 0);
  });

  it("are refused when a prompt fills the context, or none is given", async () => {
    const long = await optionsFor("long", `{ every: 2, prompts: ["${"kot ".repeat(40)}"] }`);
    await assert.rejects(pretrain(long, silentContext()), {
      exitCode: 2,
      message: /samples\.prompts: a prompt of \d+ tokens fills the model's context of 32; shorten it/,
    });
    const none = await optionsFor("none", "{ every: 2, prompts: [] }");
    await assert.rejects(pretrain(none, silentContext()), /none\.yaml: samples\.prompts: /);
  });
});
