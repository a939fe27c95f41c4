import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { CorpusFile } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists } from "../../pipeline/runtime/files.ts";
import { readJson } from "../../pipeline/runtime/manifest.ts";
import { WorkerPool, workerEntry } from "../../pipeline/runtime/workers.ts";
import { runToEnd } from "../steps.ts";
import { type CorpusCounts, corpusCountsSchema, describeCounts, sumCounts } from "./corpus-counts.ts";
import type { CountWordsResult, CountWordsTask } from "./count-words.worker.ts";
import { mergeWordRuns } from "./merge-runs.ts";
import type { WordList } from "./word-list.ts";

export interface CountWordsOptions {
  readonly workers: number;
  /** Share of documents to hold out. */
  readonly heldOutShare: number;
  /** Memory for counts in all workers together, in bytes. */
  readonly memoryBytes: number;
  /** Folder for unfinished work; what a killed run finished there is used again. */
  readonly workFolder: string;
}

/** Held-out text kept for the report, in UTF-16 units, from all files together. */
const HELD_OUT_SAMPLE = 4_000_000;

/**
 * Counts the words of a corpus: each file by one worker into sorted runs on disk, then all runs merged. The result
 * does not depend on the number of workers or the memory.
 */
export async function countWords(
  files: readonly CorpusFile[],
  options: CountWordsOptions,
  context: JobContext,
): Promise<{ words: WordList; counts: CorpusCounts }> {
  await mkdir(options.workFolder, { recursive: true });
  const outputs = files.map((_, i) => join(options.workFolder, `count-${String(i).padStart(5, "0")}`));

  const progress = context.progress.start({
    label: "counting words",
    unit: "bytes",
    total: files.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  const tasks: { task: CountWordsTask; bytes: number }[] = [];
  for (const [i, file] of files.entries()) {
    const output = outputs[i] as string;
    if (await exists(`${output}.json`)) progress.advance(file.bytes);
    else tasks.push({ bytes: file.bytes, task: toTask(file, output, files.length, options) });
  }
  if (tasks.length > 0) {
    const pool = new WorkerPool<CountWordsTask, CountWordsResult>({
      entry: workerEntry(import.meta.url, "./count-words.worker"),
      workers: Math.min(options.workers, tasks.length),
    });
    try {
      let done = 0;
      const results = pool.map(
        tasks.map(({ task }) => task),
        { signal: context.signal },
      );
      for await (const { failure } of results) {
        if (failure !== undefined) throw new UserError(failure);
        progress.advance(tasks[done++]?.bytes ?? 0);
      }
    } finally {
      await pool.close();
    }
  }
  progress.done();

  const counts = sumCounts(
    await Promise.all(outputs.map((output) => readJson(`${output}.json`, corpusCountsSchema))),
  );
  if (counts.runs.length === 0) {
    const hint = counts.heldOutDocuments > 0 ? "; --held-out 0 trains on every document" : "";
    const names = files.map(({ name }) => name).join(", ");
    throw new UserError(`${names}: no text to train on: ${describeCounts(counts)}${hint}`);
  }
  const runs = counts.runs.map((name) => join(options.workFolder, name));
  const merging = context.progress.start({ label: "merging word counts", unit: "words" });
  const words = await runToEnd(mergeWordRuns(runs), context.signal, merging);
  merging.done(`${words.size} different words`);
  return { words, counts };
}

function toTask(file: CorpusFile, output: string, files: number, options: CountWordsOptions): CountWordsTask {
  return {
    file,
    output,
    heldOutShare: options.heldOutShare,
    heldOutSample: Math.ceil(HELD_OUT_SAMPLE / files),
    memoryBytes: Math.floor(options.memoryBytes / options.workers),
  };
}
