import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fromBfloat16, toBfloat16 } from "../../../model/bfloat16.ts";
import { openModelFolder } from "../../../model/hugging-face.ts";
import { listParameterTensors } from "../../../model/parameters.ts";
import { openSafetensors } from "../../../model/safetensors.ts";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { trainTokenizer } from "../../../tokenizer/training/train-tokenizer.ts";
import { readHistory } from "../../../train/run/metrics.ts";
import { type ExportOptions, exportRun } from "../../../train/use/export.ts";
import { generateText, generateTexts } from "../../../train/use/generate-text.ts";
import { commandHost } from "../../support/apt3.ts";
import { hashFolder, temporaryFolder } from "../../support/folders.ts";
import { makeExportedModel } from "./exported-model.ts";

const root = temporaryFolder();
const runHosted = commandHost(root);
const { tokenizer, run, model, exported } = await makeExportedModel(root);

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

describe("export of a large model", () => {
  it("is split into files that read back as one model", async () => {
    const out = join(root, "sharded");
    const figures = await exportRun({ ...exported, out, maxShardBytes: 5000 }, silentContext());
    const names = (await readdir(out)).filter((name) => name.endsWith(".safetensors")).sort();
    assert.ok(names.length > 2 && Array.isArray(figures.weights) && figures.weights.length === names.length);
    assert.equal(names[0], `model-00001-of-0000${names.length}.safetensors`);
    for (const name of names) assert.ok((await stat(join(out, name))).size < 5000 + 2000, name);
    const index = JSON.parse(await readFile(join(out, "model.safetensors.index.json"), "utf8")) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    const [whole, parts] = [await openModelFolder(model), await openModelFolder(out)];
    const parameters = listParameterTensors(whole.config).flatMap((tensor) => tensor.parts);
    assert.deepEqual(Object.keys(index.weight_map).sort(), parameters.map(({ name }) => name).sort());
    const elements = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assert.equal(index.metadata.total_size, 4 * elements);
    for (const tensor of listParameterTensors(whole.config)) {
      assert.deepEqual(await parts.read(tensor), await whole.read(tensor), tensor.name);
    }
    await whole.close();
    await parts.close();
  });
});

describe("export of a chosen checkpoint", () => {
  const stepOf = async (name: string, checkpoint: ExportOptions["checkpoint"]) =>
    (await exportRun({ ...exported, out: join(root, name), checkpoint }, silentContext())).step;

  it("takes the newest, the best, or that of a step", async () => {
    const { evaluations } = await readHistory(join(run, "metrics.jsonl"));
    const best = evaluations.toSorted((a, b) => a.evaluation.loss - b.evaluation.loss)[0]?.step;
    assert.equal(await stepOf("newest", undefined), 3);
    assert.equal(await stepOf("best", "best"), best);
    assert.equal(await stepOf("second", 2), 2);
  });

  it("says which there are when there is no such one", async () => {
    await assert.rejects(stepOf("none", 7), {
      exitCode: 2,
      message: /run: has no checkpoint of step 7; there are 1, 2, 3/,
    });
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

  it("continues several prompts in batches, each as in a batch of its own", async () => {
    const prompts = ["Ala ma", "Ile", "Zażółć gęślą", "kot"];
    const several = { ...options, prompts, temperature: 0, batch: 3 };
    const written: string[] = [];
    const { texts } = await generateTexts(several, silentContext(), (text) => void written.push(text));
    assert.ok(Array.isArray(texts));
    assert.deepEqual(
      written,
      texts.map(({ text }: { text: string }) => text),
    );
    for (const [index, prompt] of prompts.entries()) {
      const alone = await generateText(
        { ...options, prompt, temperature: 0 },
        silentContext(),
        () => undefined,
      );
      assert.equal(written[index], alone.text);
      assert.ok(written[index]?.startsWith(prompt));
    }
  });

  it("draws several continuations of one prompt, all different, and the same the next time", async () => {
    const prompts = new Array<string>(4).fill("Ala");
    const draw = async () => {
      const written: string[] = [];
      const several = { ...options, prompts, batch: 2 };
      await generateTexts(several, silentContext(), (text) => void written.push(text));
      return written;
    };
    const written = await draw();
    assert.equal(new Set(written).size, 4);
    assert.deepEqual(await draw(), written);
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
    const plain = await runHosted(...words);
    assert.equal(plain.code, 0, plain.stderr);
    const json = await runHosted(...words, "--json");
    const lines = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.at(-1)?.event, "done");
    assert.equal(`${lines.at(-1)?.text}\n`, plain.stdout);
  });

  it("generate takes several prompts, from words and from a file", async () => {
    const file = join(root, "prompts.txt");
    await writeFile(file, "Ile\n\nkot\n");
    const words = [
      "generate",
      "--model",
      model,
      "--prompt",
      "Ala ma",
      "--prompts",
      file,
      "--max-new-tokens",
      "3",
    ];
    const { code, stdout, stderr } = await runHosted(...words, "--backend", "reference", "--json");
    assert.equal(code, 0, stderr);
    const done = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { texts: { prompt: string }[] };
    assert.deepEqual(
      done.texts.map(({ prompt }) => prompt),
      ["Ala ma", "Ile", "kot"],
    );
  });

  it("a user's mistake is one line and exit code 2", async () => {
    const mistakes: [words: string[], message: RegExp][] = [
      [["generate", "--model", model], /give --prompt TEXT, or --prompts FILE/],
      [["generate", "--model", model, "--prompt", "x", "--backend", "cuda"], /--backend cuda: unavailable/],
      [["evaluate", "--model", model, "--text", join(root, "none.txt")], /none\.txt: no such file/],
      [
        ["export", "--run", run, "--out", join(root, "x"), "--checkpoint", "oldest"],
        /--checkpoint: expected newest/,
      ],
      [["pretrain", "--max-time", "soon"], /--max-time: expected a duration such as 90m/],
      [["pretrain", "--epochs", "0"], /--epochs: /],
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
      const { code, stderr } = await runHosted(...words);
      assert.equal(code, 2, words.join(" "));
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
  });
});
