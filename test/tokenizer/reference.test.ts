import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Tokenizer as ReferenceTokenizer } from "tokenizers";
import { openCorpus, readTexts } from "../../pipeline/corpus.ts";
import { Tokenizer } from "../../tokenizer/index.ts";
import { tokenizerFiles } from "../../tokenizer/tokenizer-files.ts";
import { trainBpe } from "../../tokenizer/training/bpe-trainer.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fixturePath, readFixture } from "./fixtures.ts";
import { countTexts } from "./training/count-texts.ts";
import { finish } from "./training/finish.ts";

const CORPUS = new URL("../../../shared/corpus/debian-pl.jsonl.zst", import.meta.url).pathname;
const skip = existsSync(CORPUS) ? false : "the corpus folder is not there";

const SPECIALS = ["<unk>", "<s>", "</s>", "<pad>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"];

/** Trains with our trainer. */
function train(
  texts: readonly string[],
  options: { vocabSize: number; limitAlphabet?: number; specialTokens: string[] },
) {
  return finish(trainBpe(countTexts(texts), options));
}

/** tokenizer.json with our pre-tokenizer and no vocabulary. */
function untrained(): string {
  const empty = JSON.parse(
    tokenizerFiles({ tokens: ["<unk>", "<s>"], merges: [] })["tokenizer.json"] as string,
  );
  Object.assign(empty, { added_tokens: [], post_processor: null });
  Object.assign(empty.model, { vocab: {}, unk_token: null });
  return JSON.stringify(empty);
}

async function corpusTexts(count: number): Promise<string[]> {
  const [file] = (await openCorpus(CORPUS)).files;
  const texts: string[] = [];
  for await (const batch of readTexts(file!)) {
    texts.push(...batch.texts);
    if (texts.length >= count) break;
  }
  return texts.slice(0, count);
}

describe("the Rust reference (npm tokenizers)", () => {
  it("reads our tokenizer.json and gives the same ids on awkward texts", async () => {
    const json = await readFile(fixturePath("llama.json"), "utf8");
    const { encodings } = await readFixture("encodings.json");
    const reference = ReferenceTokenizer.fromString(json);
    for (const { text, parsed } of encodings) {
      const encoding = await reference.encode(text, null, { addSpecialTokens: false });
      assert.deepEqual(encoding.getIds(), parsed, JSON.stringify(text));
    }
  });

  it("trains the same vocabulary and merges from the corpus (its defaults: 30,000 tokens)", {
    skip,
  }, async (test) => {
    // It reads files line by line and keeps the line feed; texts of one line each make both see the same.
    const lines = (await corpusTexts(1000)).map((text) => `${text.replaceAll("\n", " ")}\n`);
    const file = join(temporaryFolder(test), "lines.txt");
    await writeFile(file, lines.join(""));
    const reference = ReferenceTokenizer.fromString(untrained());
    reference.train([file]);
    const path = join(temporaryFolder(test), "tokenizer.json");
    reference.save(path);
    const { model } = JSON.parse(await readFile(path, "utf8"));

    const ours = train(lines, { vocabSize: 30_000, specialTokens: [] });
    assert.deepEqual(ours.merges, model.merges);
    assert.deepEqual(Object.fromEntries(ours.tokens.map((token, id) => [token, id])), model.vocab);
  });

  it("trains the same from random corpora", async (test) => {
    const folder = temporaryFolder(test);
    const file = join(folder, "lines.txt");
    const path = join(folder, "tokenizer.json");
    const line = fc
      .string({ unit: fc.constantFrom("a", "b", "ą", " ", " ", "▁", "1", "."), minLength: 1, maxLength: 60 })
      .map((text) => `${text}\n`);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 40 }), async (lines) => {
        await writeFile(file, lines.join(""));
        const reference = ReferenceTokenizer.fromString(untrained());
        reference.train([file]);
        reference.save(path);
        const { model } = JSON.parse(await readFile(path, "utf8"));
        const ours = train(lines, { vocabSize: 30_000, specialTokens: [] });
        assert.deepEqual(ours.merges, model.merges);
        assert.deepEqual(Object.fromEntries(ours.tokens.map((token, id) => [token, id])), model.vocab);
      }),
      { numRuns: 40 },
    );
  });

  it("gives the same ids on the corpus", { skip }, async () => {
    const texts = await corpusTexts(800);
    const vocabulary = train(texts, { vocabSize: 31_980, limitAlphabet: 113, specialTokens: SPECIALS });
    const json = tokenizerFiles(vocabulary)["tokenizer.json"] as string;
    const reference = ReferenceTokenizer.fromString(json);
    const ours = Tokenizer.fromJson(json);
    for (const text of texts) {
      const encoding = await reference.encode(text, null, { addSpecialTokens: false });
      assert.deepEqual([...ours.encode(text, { parseSpecials: true })], encoding.getIds());
    }
  });
});
