import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fromBfloat16, toBfloat16 } from "../../model/bfloat16.ts";
import { openModelFolder } from "../../model/hugging-face.ts";
import { listParameterTensors } from "../../model/parameters.ts";
import { openSafetensors } from "../../model/safetensors.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { trainTokenizer } from "../../tokenizer/training/train-tokenizer.ts";
import { type ExportOptions, exportRun } from "../../train/export.ts";
import { generateText } from "../../train/generate-text.ts";
import { pretrain } from "../../train/pretrain.ts";
import { runApt3 } from "../support/apt3.ts";
import { hashFolder, temporaryFolder } from "../support/folders.ts";
import { makePackedFolder } from "./packed-folder.ts";

const config = `
seed: 7
model: { layers: 1, dModel: 16, heads: 2, kvHeads: 1, dHidden: 24, maxSequenceLength: 32 }
batch: { microBatch: 2, accumulation: 1 }
schedule: { steps: 3, learningRate: 0.02, minLearningRate: 0.002, warmupSteps: 1 }
optimizer: { betas: [0.9, 0.95], epsilon: 1.0e-8, weightDecay: 0.1, clipNorm: 1 }
data: { epochs: 20 }
precision: f32
recompute: none
evaluation: { every: 3, rows: 4 }
checkpoint: { every: 3, keep: 2 }
`;

const root = temporaryFolder();
const tokenizer = join(root, "tokenizer");
const run = join(root, "run");
const model = join(root, "model");
const exported: ExportOptions = { run, out: model, tokenizer, precision: "f32" };

/** A run of a few steps whose data claims to be packed with a small real tokenizer. */
before(async () => {
  await writeFile(
    join(root, "corpus.txt"),
    "Ala ma kota, a kot ma Alę. Ile kotów ma Ala? Zażółć gęślą jaźń.\n".repeat(20),
  );
  const options = { vocabSize: 60, limitAlphabet: 40, heldOutShare: 0, workers: 1, memoryBytes: 1e8 };
  await trainTokenizer({ ...options, input: join(root, "corpus.txt"), out: tokenizer }, silentContext());
  const bytes = await readFile(join(tokenizer, "tokenizer.json"));
  const tokenizerSha256 = createHash("sha256").update(bytes).digest("hex");
  await makePackedFolder(join(root, "data"), { vocabSize: 60, tokenizerSha256 });
  await writeFile(join(root, "tiny.yaml"), config);
  const pretraining = {
    config: join(root, "tiny.yaml"),
    data: join(root, "data"),
    out: run,
    resume: false,
    plan: false,
  };
  await pretrain({ ...pretraining, backend: "reference" }, silentContext());
  await exportRun(exported, silentContext());
});

describe("export", () => {
  it("writes the checkpoint's weights with the config transformers needs", async () => {
    const folder = await openModelFolder(model);
    const weights = await openSafetensors(join(run, "checkpoints", "step-000003", "weights.safetensors"));
    assert.equal(folder.config.kvHeads, 1);
    for (const tensor of listParameterTensors(folder.config)) {
      const values = await folder.read(tensor);
      const parts: number[] = [];
      for (const { name } of tensor.parts) parts.push(...(await weights.readFloats(name)));
      assert.deepEqual([...values], parts, tensor.name);
    }
    await folder.close();
    await weights.close();
    const json = JSON.parse(await readFile(join(model, "config.json"), "utf8")) as Record<string, unknown>;
    const { architectures, bos_token_id, eos_token_id, pad_token_id, vocab_size, torch_dtype } = json;
    assert.deepEqual(
      { architectures, bos_token_id, eos_token_id, pad_token_id, vocab_size, torch_dtype },
      {
        architectures: ["LlamaForCausalLM"],
        bos_token_id: 1,
        eos_token_id: 2,
        pad_token_id: 3,
        vocab_size: 60,
        torch_dtype: "float32",
      },
    );
    const names = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
    for (const name of names)
      assert.deepEqual(await readFile(join(model, name)), await readFile(join(tokenizer, name)));
  });

  it("rounds to bf16 when asked", async () => {
    const out = join(root, "model-bf16");
    await exportRun({ ...exported, out, precision: "bf16" }, silentContext());
    const [exact, rounded] = [await openModelFolder(model), await openModelFolder(out)];
    const tensor = listParameterTensors(exact.config)[0]!;
    assert.deepEqual(await rounded.read(tensor), fromBfloat16(toBfloat16(await exact.read(tensor))));
    await exact.close();
    await rounded.close();
  });

  it("makes the same bytes again, and nothing over another model", async () => {
    const first = hashFolder(model);
    await exportRun(exported, silentContext());
    assert.deepEqual(hashFolder(model), first);
    await assert.rejects(
      exportRun({ ...exported, precision: "bf16" }, silentContext()),
      /model: made by another configuration \(the checkpoint, the precision or the size of files differ\)/,
    );
  });

  it("refuses a folder that is no run, and another tokenizer", async () => {
    await assert.rejects(exportRun({ ...exported, run: join(root, "data") }, silentContext()), {
      exitCode: 2,
    });
    await assert.rejects(
      exportRun({ ...exported, run: root }, silentContext()),
      /manifest\.json: no such file; give/,
    );
    const other = join(root, "other-tokenizer");
    const options = { vocabSize: 55, limitAlphabet: 40, heldOutShare: 0, workers: 1, memoryBytes: 1e8 };
    await trainTokenizer({ ...options, input: join(root, "corpus.txt"), out: other }, silentContext());
    await assert.rejects(
      exportRun({ ...exported, tokenizer: other }, silentContext()),
      /other-tokenizer: is not the tokenizer .*run was trained with; give that one with --tokenizer/,
    );
  });
});

describe("generate", () => {
  const options = { model, prompt: "Ala ma", maxNewTokens: 12, seed: 5, temperature: 1, topK: 50 };

  it("continues the prompt, the same way for the same seed", async () => {
    const pieces: string[] = [];
    const figures = await generateText(options, silentContext(), (piece) => void pieces.push(piece));
    assert.equal(pieces.join(""), figures.text);
    assert.match(String(figures.text), /^Ala ma/);
    const again = await generateText(options, silentContext(), () => undefined);
    assert.deepEqual(again.tokens, figures.tokens);
    const other = await generateText({ ...options, seed: 6 }, silentContext(), () => undefined);
    assert.notDeepEqual(other.tokens, figures.tokens);
  });

  it("ends at the model's context", async () => {
    const figures = await generateText({ ...options, maxNewTokens: 500 }, silentContext(), () => undefined);
    assert.ok(figures.finish === "context" || figures.finish === "stop");
    assert.ok(Array.isArray(figures.tokens) && figures.tokens.length < 32);
  });

  it("refuses a prompt that does not fit", async () => {
    const prompt = "kot ".repeat(40);
    await assert.rejects(
      generateText({ ...options, prompt }, silentContext(), () => undefined),
      {
        exitCode: 2,
        message: /\d+ tokens do not fit the model's context of 32; shorten the prompt/,
      },
    );
  });

  it("refuses weights that do not have the shapes of config.json", async () => {
    const path = join(model, "config.json");
    const intact = await readFile(path, "utf8");
    await writeFile(path, intact.replace('"intermediate_size": 24', '"intermediate_size": 25'));
    await assert.rejects(
      generateText(options, silentContext(), () => undefined),
      {
        exitCode: 2,
        message:
          /tensor model\.layers\.0\.mlp\.gate_proj\.weight is \[24, 16\], config\.json asks for \[25, 16\]/,
      },
    );
    await writeFile(path, intact.replace('"silu"', '"gelu"'));
    await assert.rejects(
      generateText(options, silentContext(), () => undefined),
      /hidden_act.*only plain LLaMA/,
    );
    await writeFile(path, intact);
  });
});

describe("on the command line", () => {
  it("generate prints the text, or one JSON object a line", async () => {
    const words = [
      "generate",
      "--model",
      model,
      "--prompt",
      "Ala ma",
      "--max-new-tokens",
      "5",
      "--seed",
      "5",
    ];
    const plain = await runApt3(words);
    assert.equal(plain.code, 0, plain.stderr);
    const json = await runApt3([...words, "--json"]);
    const lines = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.at(-1)?.event, "done");
    assert.equal(`${lines.at(-1)?.text}\n`, plain.stdout);
  });

  it("a user's mistake is one line and exit code 2", async () => {
    const mistakes: [words: string[], message: RegExp][] = [
      [["generate", "--model", root, "--prompt", "x"], /tokenizer\.json: no such file/],
      [["export", "--run", join(root, "none"), "--out", join(root, "x")], /manifest\.json: no such file/],
      [
        ["pretrain", "--data", join(root, "none")],
        /manifest\.json: no such file; make the folder with `npm run pack`/,
      ],
      [["pretrain", "--backend", "abacus"], /--backend: /],
      [["pretrain", "--steps", "0"], /--steps: /],
    ];
    for (const [words, message] of mistakes) {
      const { code, stderr } = await runApt3(words);
      assert.equal(code, 2, words.join(" "));
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
  });
});
