import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareWithPeer, measureScale, timeSteps } from "./ingest-chain.ts";
import { readMixedLines } from "./ingest-corpus.ts";
import { benchNearDedup } from "./ingest-near-dedup.ts";

/**
 * `npm run bench -- ingest`: the whole chain against datatrove on the same input, one core each; growing inputs with
 * one worker and with two; MB/s of every step; near-dedup of documents made of the corpus' sentences.
 *
 * `--corpus FOLDER` of the .jsonl.zst files, `--python PATH` that has datatrove and spacy, `--peer-megabytes N`,
 * `--megabytes N,N` for the inputs' sizes (`--megabytes 100,1000,5000` shows that memory stays flat), `--documents N`,
 * `--part NAME` for one of chain, scale, steps, near-dedup.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      corpus: { type: "string", default: "../shared/corpus" },
      python: { type: "string", default: "python3" },
      "peer-megabytes": { type: "string", default: "15" },
      megabytes: { type: "string", default: "100,400" },
      documents: { type: "string", default: "2000000" },
      part: { type: "string" },
    },
  });
  const isWanted = (part: string) => values.part === undefined || values.part === part;
  const root = mkdtempSync(join(tmpdir(), "apt3-bench-"));
  try {
    console.log(`node ${process.version}, ${cpus()[0]?.model ?? "?"}, ${cpus().length} cores\n`);
    const lines = await readMixedLines(values.corpus);
    const bytes = Number(values["peer-megabytes"]) * 1e6;
    const sizes = values.megabytes.split(",").map((size) => Number(size) * 1e6);
    if (isWanted("chain")) await compareWithPeer(root, lines, { python: values.python, bytes });
    if (isWanted("scale")) await measureScale(root, lines, sizes);
    if (isWanted("steps")) await timeSteps(lines, 60e6);
    if (isWanted("near-dedup")) await benchNearDedup(root, lines, Number(values.documents));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
