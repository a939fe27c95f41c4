/**
 * Compares ids with the reference (npm `tokenizers`) on every text of a corpus, and on each 50th with
 * `@huggingface/tokenizers`:
 *
 *     npm run check:tokenizer [-- --corpus FOLDER] [--tokenizer FOLDER]
 *
 * Without --tokenizer it trains one of 31,980 tokens on the corpus first. Exit 0: all equal, or no corpus there; 1: not.
 * About a minute for 170 MB of text.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { Tokenizer as ReferenceTokenizer } from "tokenizers";
import { openCorpus, readTexts } from "../../pipeline/corpus.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { Tokenizer } from "../../tokenizer/node.ts";
import { trainTokenizer } from "../../tokenizer/training/train-tokenizer.ts";

/** `@huggingface/tokenizers` is a thirtieth as fast as the reference on two cores. */
const EVERY = 50;

/** Differences shown at most. */
const SHOWN = 5;

const { values } = parseArgs({
  options: {
    corpus: { type: "string", default: fileURLToPath(new URL("../../../shared/corpus", import.meta.url)) },
    tokenizer: { type: "string" },
  },
});
if (!existsSync(values.corpus)) {
  process.stdout.write(`skipped: no corpus at ${values.corpus}; give --corpus FOLDER\n`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "apt3-check-"));
  try {
    const differences = await compare(
      values.corpus,
      values.tokenizer ?? (await train(values.corpus, folder)),
    );
    process.exitCode = differences === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function train(input: string, folder: string): Promise<string> {
  const out = join(folder, "tokenizer");
  const settings = { vocabSize: 31_980, limitAlphabet: 113, heldOutShare: 0, workers: 2, memoryBytes: 4e9 };
  await trainTokenizer({ ...settings, input, out }, silentContext());
  return out;
}

async function compare(corpus: string, tokenizer: string): Promise<number> {
  const json = readFileSync(join(tokenizer, "tokenizer.json"), "utf8");
  const ours = Tokenizer.fromJson(json);
  const reference = ReferenceTokenizer.fromString(json);
  const huggingFace = new HuggingFaceTokenizer(JSON.parse(json), {});
  let differences = 0;
  const report = (where: string, peer: string, text: string) => {
    differences += 1;
    if (differences <= SHOWN) {
      process.stdout.write(`${where}: ${peer} gives other ids on ${JSON.stringify(text.slice(0, 200))}…\n`);
    }
  };
  for (const file of (await openCorpus(corpus)).files) {
    const seen = { texts: 0, lines: 0, ids: 0 };
    for await (const { texts } of readTexts(file)) {
      const encodings = await reference.encodeBatch([...texts], { addSpecialTokens: false });
      for (const [i, text] of texts.entries()) {
        const ids = ours.encode(text, { parseSpecials: true }); // as both peers do it always
        const where = `${file.name}, text ${seen.texts + 1}`;
        if (!isEqual(ids, encodings[i]?.getIds() ?? [])) report(where, "the reference", text);
        if (seen.texts % EVERY === 0 && text !== "") {
          const theirs = huggingFace.encode(text, { add_special_tokens: false }).ids;
          if (!isEqual(ids, theirs)) report(where, "@huggingface/tokenizers", text);
        }
        seen.texts += 1;
        seen.lines += text.split("\n").length;
        seen.ids += ids.length;
      }
    }
    process.stdout.write(
      `${file.name}: ${seen.texts} texts, ${seen.lines} lines, ${seen.ids} ids compared; ${differences} texts differ so far\n`,
    );
  }
  return differences;
}

function isEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
