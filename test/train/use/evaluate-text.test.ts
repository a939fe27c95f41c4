import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { IGNORED_TARGET } from "../../../model/backend.ts";
import { createInferenceSession } from "../../../model/inference.ts";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { type EvaluateTextOptions, evaluateText } from "../../../train/use/evaluate-text.ts";
import { loadModel, loadWeights } from "../../../train/use/loaded-model.ts";
import { scoringWindows } from "../../../train/use/scoring-windows.ts";
import { runApt3 } from "../../support/apt3.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { makeExportedModel } from "./exported-model.ts";

const root = temporaryFolder();
const { model } = await makeExportedModel(root);
const text = "Ala ma kota, a kot ma Alę. Ile kotów ma Ala? Zażółć gęślą jaźń.";

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

const evaluate = async (path: string, change: Partial<EvaluateTextOptions> = {}) =>
  evaluateText({ model, text: path, batch: 3, backend: "reference", ...change }, silentContext());

/** Nats a token and tokens, by the probability that the generating code gives every token after the first ones. */
async function lossByInference(document: string) {
  const loaded = await loadModel(model, "reference");
  const weights = await loadWeights(loaded);
  const session = createInferenceSession(loaded.backend, loaded.config, weights);
  const [first = 0, ...rest] = loaded.tokenizer.encode(document, { addBos: true });
  let logits = await session.feed([first]);
  let sum = 0;
  for (const id of rest) {
    const largest = Math.max(...logits);
    const total = logits.reduce((all, logit) => all + Math.exp(logit - largest), 0);
    sum -= logits[id]! - largest - Math.log(total);
    if (session.length < session.capacity) logits = await session.feed([id]);
  }
  await loaded.close();
  return { loss: sum / rest.length, tokens: rest.length, sum };
}

describe("evaluate", () => {
  it("agrees with the probabilities of the generating code", async () => {
    const document = text.slice(0, 27);
    const expected = await lossByInference(document);
    assert.ok(expected.tokens < 32, "the text fits one window");
    const figures = await evaluate(await put("short.txt", document));
    assert.equal(figures.tokens, expected.tokens);
    assert.ok(Math.abs(Number(figures.loss) - expected.loss) < 1e-5);
    assert.ok(Math.abs(Number(figures.perplexity) - Math.exp(expected.loss)) < 1e-3);
    const bits = expected.sum / Math.LN2 / Buffer.byteLength(document);
    assert.ok(Math.abs(Number(figures.bitsPerByte) - bits) < 1e-5);
  });

  it("does not take a window of whatever context the model claims to have", async () => {
    const claiming = join(root, "claiming");
    await cp(model, claiming, { recursive: true });
    const config = await readFile(join(model, "config.json"), "utf8");
    const claimed = config.replace(/(?<="max_position_embeddings": ?)\d+/, String(1e12));
    assert.notEqual(claimed, config);
    await writeFile(join(claiming, "config.json"), claimed);
    const path = await put("claimed.txt", text);
    assert.equal((await evaluate(path, { model: claiming })).tokens, (await evaluate(path)).tokens);
  });

  it("scores every token once, whatever windows and batches", async () => {
    const path = await put("long.txt", text.repeat(6));
    const whole = await evaluate(path);
    for (const change of [
      { batch: 1 },
      { batch: 64 },
      { seqLen: 7 },
      { seqLen: 16, stride: 1 },
      { stride: 500 },
    ]) {
      assert.equal((await evaluate(path, change)).tokens, whole.tokens, JSON.stringify(change));
    }
    const [one, many] = [await evaluate(path, { batch: 1 }), await evaluate(path, { batch: 64 })];
    assert.ok(Math.abs(Number(one.loss) - Number(many.loss)) < 1e-6);
  });

  it("takes each line of a .jsonl for a document, compressed or not", async () => {
    const lines = ["Ala ma kota.", "Ile kotów?"]
      .map((line) => `${JSON.stringify({ text: line })}\n`)
      .join("");
    const plain = await evaluate(await put("lines.jsonl", lines));
    assert.equal(plain.documents, 2);
    assert.equal(plain.bytes, 12 + 11);
    const compressed = await evaluate(await put("lines.jsonl.zst", zstdCompressSync(Buffer.from(lines))));
    assert.equal(compressed.loss, plain.loss);
    const [a, b] = [await lossByInference("Ala ma kota."), await lossByInference("Ile kotów?")];
    assert.ok(Math.abs(Number(plain.loss) - (a.sum + b.sum) / (a.tokens + b.tokens)) < 1e-5);
  });

  it("counts characters the tokenizer does not know", async () => {
    const figures = await evaluate(await put("unknown.txt", "Ala ma 猫."));
    assert.equal(figures.unknownTokens, 1);
  });

  it("refuses what is no text", async () => {
    const refuse = (path: string, message: RegExp, change: Partial<EvaluateTextOptions> = {}) =>
      assert.rejects(evaluate(path, change), { exitCode: 2, message });
    await refuse(join(root, "none.txt"), /none\.txt: no such file; give a text file with --text/);
    await refuse(await put("empty.txt", ""), /empty\.txt: has no text to score/);
    await refuse(await put("latin2.txt", Buffer.from([65, 0xb3, 66])), /latin2\.txt: is not UTF-8/);
    await refuse(
      await put("bad.jsonl", '{"text":"Ala"}\n{"txt":"kot"}\n'),
      /bad\.jsonl line 2: no-text; expected \{"text": "…"\}/,
    );
    const cut = zstdCompressSync(Buffer.from(text.repeat(50))).subarray(0, -9);
    await refuse(await put("cut.txt.zst", cut), /cut\.txt\.zst: /);
    await refuse(await put("ok.txt", text), /--seq-len 33: the model's context has 32 tokens/, {
      seqLen: 33,
    });
  });

  it("prints a summary on the command line", async () => {
    const path = await put("cli.txt", text);
    const { code, stdout, stderr } = await runApt3(["evaluate", "--model", model, "--text", path]);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /1 documents, \d+ bytes, \d+ tokens\nloss +\d\.\d+ nats a token\nperplexity +[\d.]+ a token\nbits per byte +/,
    );
  });
});

describe("scoring windows", () => {
  it("score every token after the first exactly once, with the tokens before it as context", () => {
    const sizes = fc.record({
      tokens: fc.integer({ min: 0, max: 60 }),
      length: fc.integer({ min: 1, max: 12 }),
      stride: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(sizes, ({ tokens, length, stride }) => {
        fc.pre(stride <= length);
        const ids = Int32Array.from({ length: tokens }, (_, index) => index + 100);
        const scored: number[] = [];
        for (const window of scoringWindows(ids, length, stride)) {
          for (const [index, target] of window.targets.entries()) {
            if (target === IGNORED_TARGET) continue;
            scored.push(target);
            assert.equal(window.ids[index], target - 1, "the token before it is the input");
          }
        }
        assert.deepEqual(scored, [...ids].slice(1));
      }),
    );
  });

  it("give every token but those of the first window length − stride tokens of context", () => {
    const ids = Int32Array.from({ length: 40 }, (_, index) => index + 1);
    const [, ...later] = scoringWindows(ids, 10, 4);
    for (const { targets } of later) {
      const first = targets.findIndex((target) => target !== IGNORED_TARGET);
      assert.ok(first + 1 >= 6, `${first + 1} tokens of context`);
    }
  });
});
