import { basename } from "node:path";
import { type CorpusFile, readTexts } from "../../pipeline/corpus.ts";
import { describeFailure, EXIT } from "../../pipeline/runtime/errors.ts";
import { writeJson } from "../../pipeline/runtime/manifest.ts";
import { heldOutRule } from "../held-out.ts";
import { type CorpusCounts, NO_COUNTS } from "./corpus-counts.ts";
import { WordCounter } from "./word-counter.ts";
import { writeWordRun } from "./word-run.ts";

const utf8 = new TextEncoder();

/** One file to count. */
export interface CountWordsTask {
  readonly file: CorpusFile;
  /** Path and beginning of the name of what is written: `${output}.json`, last, and `${output}-0.run`, `-1.run`, … */
  readonly output: string;
  readonly heldOutShare: number;
  /** UTF-16 units of held-out text to keep for the report. */
  readonly heldOutSample: number;
  /** Bytes of counts after which a sorted run is written and counting starts anew. */
  readonly memoryBytes: number;
}

/** A user's mistake met in the worker. Errors lose their class between threads, so it travels as a message. */
export interface CountWordsResult {
  readonly failure?: string;
}

/** Counts the words of one file into sorted runs. The .json file marks that the runs are complete. */
export default async function countWords(task: CountWordsTask): Promise<CountWordsResult> {
  try {
    await count(task);
    return {};
  } catch (error) {
    const { exitCode, message } = describeFailure(error);
    if (exitCode !== EXIT.userError) throw error;
    return { failure: message };
  }
}

async function count(task: CountWordsTask): Promise<void> {
  const isHeldOut = await heldOutRule(task.heldOutShare);
  const counter = new WordCounter();
  const counts: CorpusCounts = { ...NO_COUNTS, heldOut: [], runs: [] };
  let sampled = 0;

  const spill = async () => {
    const path = `${task.output}-${counts.runs.length}.run`;
    await writeWordRun(path, counter.sorted());
    counts.runs.push(basename(path));
    counter.clear();
  };

  for await (const { texts, rejected } of readTexts(task.file)) {
    counts.rejectedLines += rejected;
    for (const text of texts) {
      const bytes = utf8.encode(text);
      if (isHeldOut(bytes)) {
        counts.heldOutDocuments += 1;
        if (sampled < task.heldOutSample) counts.heldOut.push(text);
        sampled += text.length;
        continue;
      }
      counts.documents += 1;
      counts.characters += text.length;
      counts.bytes += bytes.length;
      counter.add(bytes);
      if (counter.byteSize > task.memoryBytes) await spill();
    }
  }
  if (counter.size > 0) await spill();
  await writeJson(`${task.output}.json`, counts);
}
