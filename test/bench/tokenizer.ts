import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchEncoding } from "./tokenizer/encoding.ts";
import { benchGrown } from "./tokenizer/grown.ts";
import { benchHttp } from "./tokenizer/http.ts";
import { benchLongWords } from "./tokenizer/long-words.ts";
import { print } from "./tokenizer/report.ts";
import { readCorpus } from "./tokenizer/texts.ts";
import { benchThreads } from "./tokenizer/threads.ts";
import { benchTraining } from "./tokenizer/training.ts";

const CORPUS = fileURLToPath(new URL("../../../shared/corpus", import.meta.url));
const PARTS = ["training", "encoding", "threads", "words", "http"];

/**
 * `npm run bench -- tokenizer [--corpus FOLDER] [--python PATH] [--parts training,encoding,threads,words,http]`: training,
 * encoding and HTTP against peers, in one run of about four minutes, or six with the peers of a Python that has
 * tokenizers, sentencepiece and tiktoken. `--grown 3.5 [--memory 1GB]` instead writes a corpus of so many GB in which
 * different words go on growing, and trains on it: time a GB and peak memory.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      corpus: { type: "string", default: CORPUS },
      python: { type: "string" },
      parts: { type: "string", default: PARTS.join(",") },
      grown: { type: "string" },
      memory: { type: "string", default: "1GB" },
    },
  });
  const parts = values.parts.split(",");
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) return print(`--parts: ${unknown} is none of ${PARTS.join(", ")}`);
  if (!existsSync(values.corpus))
    return print(`not measured: no corpus at ${values.corpus}; give --corpus FOLDER`);
  print(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
  const folder = mkdtempSync(join(tmpdir(), "apt3-bench-"));
  try {
    if (values.grown !== undefined) {
      await benchGrown(folder, values.corpus, Number(values.grown), values.memory);
      return;
    }
    // The tokenizer of the training is the one all the others measure with
    const json = await benchTraining(folder, values.corpus, parts.includes("training"), values.python);
    const texts = await readCorpus(values.corpus);
    if (parts.includes("encoding")) await benchEncoding(folder, json, texts, values.python);
    if (parts.includes("threads")) await benchThreads(json, texts);
    if (parts.includes("words")) benchLongWords(json);
    if (parts.includes("http")) await benchHttp(json);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
