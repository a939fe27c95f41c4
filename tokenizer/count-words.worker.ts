import { describeFailure, EXIT } from "../pipeline/runtime/errors.ts";
import { writeJson } from "../pipeline/runtime/manifest.ts";
import { readTexts } from "./corpus.ts";
import type { CorpusCounts } from "./corpus-counts.ts";
import { isHeldOut } from "./held-out.ts";
import { WordCounter } from "./word-counter.ts";
import { writeWordRun } from "./word-run.ts";

/** One file to count. */
export interface CountWordsTask {
  readonly path: string;
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
  const counter = new WordCounter();
  const counts = {
    documents: 0,
    characters: 0,
    bytes: 0,
    heldOutDocuments: 0,
    heldOut: [] as string[],
    rejected: {} as Record<string, number>,
    runs: [] as string[],
  } satisfies CorpusCounts;
  let sampled = 0;

  const spill = async () => {
    const path = `${task.output}-${counts.runs.length}.run`;
    await writeWordRun(path, counter.sorted());
    counts.runs.push(path.slice(path.lastIndexOf("/") + 1));
    counter.clear();
  };
  const onRejected = (reason: string) => {
    counts.rejected[reason] = (counts.rejected[reason] ?? 0) + 1;
  };

  for await (const { text, begins, whole } of readTexts(task.path, onRejected)) {
    if (whole && isHeldOut(text, task.heldOutShare)) {
      counts.heldOutDocuments += 1;
      if (sampled >= task.heldOutSample) continue;
      counts.heldOut.push(text);
      sampled += text.length;
      continue;
    }
    if (begins) counts.documents += 1;
    counts.characters += text.length;
    counts.bytes += counter.add(text, begins);
    if (counter.byteSize > task.memoryBytes) await spill();
  }
  if (counter.size > 0) await spill();
  await writeJson(`${task.output}.json`, counts);
}
