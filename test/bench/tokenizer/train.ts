/**
 * One training in a process of its own, so that its peak memory is its own; prints seconds and megabytes as JSON.
 *
 *     node train.ts apt3 CORPUS OUT VOCABULARY ALPHABET [MEMORY]
 *     node train.ts reference LINES.txt
 */
import { Tokenizer as ReferenceTokenizer } from "tokenizers";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { parseSize } from "../../../pipeline/runtime/sizes.ts";
import { tokenizerFiles } from "../../../tokenizer/tokenizer-files.ts";
import { trainTokenizer } from "../../../tokenizer/training/train-tokenizer.ts";

const [what, input = "", out = "", vocabulary, alphabet, memory = "4GB"] = process.argv.slice(2);
const start = performance.now();
const found = what === "reference" ? trainReference(input) : await trainOurs();
const seconds = (performance.now() - start) / 1000;
process.stdout.write(JSON.stringify({ ...found, seconds, megabytes: process.resourceUsage().maxRSS / 1000 }));

async function trainOurs(): Promise<{ textBytes: number; differentWords: number; prunedWords: number }> {
  const options = {
    vocabSize: Number(vocabulary),
    limitAlphabet: Number(alphabet),
    memoryBytes: parseSize(memory) ?? 4e9,
    heldOutShare: 0,
    workers: 2,
  };
  const { corpus } = await trainTokenizer({ ...options, input, out }, silentContext());
  const { bytes: textBytes, differentWords, prunedWords } = corpus;
  return { textBytes, differentWords, prunedWords };
}

/** The reference with our pre-tokenizer, and for the rest its default settings: npm's package takes no others. */
function trainReference(lines: string): object {
  const json = JSON.parse(
    tokenizerFiles({ tokens: ["<unk>", "<s>"], merges: [] })["tokenizer.json"] as string,
  );
  Object.assign(json, { added_tokens: [], post_processor: null });
  Object.assign(json.model, { vocab: {}, unk_token: null });
  ReferenceTokenizer.fromString(JSON.stringify(json)).train([lines]);
  return {};
}
