import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CorpusFile, readTextBlocks } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists } from "../../pipeline/runtime/files.ts";
import { readJson, writeJson } from "../../pipeline/runtime/manifest.ts";
import { WorkerPool, workerEntry } from "../../pipeline/runtime/workers.ts";
import type { PreTokenization } from "../engine/pre-tokenizer.ts";
import {
  type CorpusCounts,
  corpusCountsSchema,
  describeCounts,
  NO_COUNTS,
  sumCounts,
} from "./corpus-counts.ts";
import type { CountWordsData, CountWordsResult, CountWordsTask } from "./count-words.worker.ts";
import { loadWords, type PrunedWords } from "./load-words.ts";

export interface CountWordsOptions {
  readonly workers: number;
  /** Share of documents to hold out. */
  readonly heldOutShare: number;
  /** Memory for everything, in bytes. */
  readonly memoryBytes: number;
  readonly preTokenization: PreTokenization;
  /** Share of the documents of a file that is counted, by the file's group; 1 where none is given. */
  readonly keptShares: Readonly<Record<string, number>>;
  /** Folder for unfinished work; what a killed run finished there is used again. */
  readonly workFolder: string;
}

/** Held-out text kept for the report, in UTF-16 units, from all units together. */
const HELD_OUT_SAMPLE = 4_000_000;

/**
 * Files are counted in units of at least this size: a kill loses one unit at most, and every unit costs a sorted
 * run for each worker. About 10 s of work on two cores.
 */
const UNIT_BYTES = 256e6;

/**
 * What the process and each of its threads take besides the counts: code, texts under way, and memory that is free
 * but not collected yet (measured on 171 MB and 3.5 GB of text with 2 workers).
 */
const PROCESS_BYTES = 300e6;
const WORKER_BYTES = 150e6;

/** Share of the rest that counts may take; sorting leaves up to a quarter of it to be collected. */
const COUNTS_SHARE = 0.75;

/**
 * Counts the words of a corpus: all workers share each unit of files, block by block, and leave sorted runs on disk;
 * then all runs are merged. The result does not depend on the number of workers; on the memory it depends only if
 * words must be pruned.
 */
export async function countWords(
  files: readonly CorpusFile[],
  options: CountWordsOptions,
  context: JobContext,
): Promise<{ words: PrunedWords; counts: CorpusCounts }> {
  await mkdir(options.workFolder, { recursive: true });
  const units = toUnits(files);
  const progress = context.progress.start({
    label: "counting words",
    unit: "bytes",
    total: files.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  const outputs = units.map((_, i) => join(options.workFolder, `count-${String(i).padStart(5, "0")}`));
  const lanes = new CountingLanes(options, context.signal);
  try {
    for (const [i, unit] of units.entries()) {
      const output = outputs[i] as string;
      if (!(await exists(`${output}.json`))) {
        await lanes.count(unit, output, Math.ceil(HELD_OUT_SAMPLE / units.length));
      }
      progress.advance(unit.reduce((sum, { bytes }) => sum + bytes, 0));
    }
  } finally {
    await lanes.close();
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
  const words = await loadWords(
    counts.runs.map((name) => join(options.workFolder, name)),
    {
      workFolder: options.workFolder,
      memoryBytes: Math.max(options.memoryBytes - PROCESS_BYTES - WORKER_BYTES, options.memoryBytes / 2),
    },
    context,
  );
  return { words, counts };
}

/** Neighbouring files together until they reach UNIT_BYTES. It depends on the files alone, so a resumed run agrees. */
function toUnits(files: readonly CorpusFile[]): CorpusFile[][] {
  const units: CorpusFile[][] = [];
  let room = 0;
  for (const file of files) {
    if (room <= 0) {
      units.push([]);
      room = UNIT_BYTES;
    }
    units.at(-1)?.push(file);
    room -= file.bytes;
  }
  return units;
}

/** A block of a unit with its place in it. */
type Task = Extract<CountWordsTask, { kind: "count" }>;

/**
 * The counting workers, each behind a pool of its own: all draw blocks from one reader, and at a unit's end every one
 * of them must be told to write what it has.
 */
class CountingLanes {
  readonly #options: CountWordsOptions;
  readonly #signal: AbortSignal;
  #pools: WorkerPool<CountWordsTask, CountWordsResult>[] = [];

  constructor(options: CountWordsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Counts the files of a unit; its .json file, written last, marks that its runs are complete. */
  async count(files: readonly CorpusFile[], output: string, heldOutSample: number): Promise<void> {
    await removeRuns(output);
    this.#start();
    const blocks = readUnit(files, output, this.#options.keptShares);
    const results: CountWordsResult[] = [];
    try {
      await Promise.all(
        this.#pools.map(async (pool, lane) => {
          const tasks = laneTasks(blocks, `${output}-${lane}`);
          const transfer = (task: CountWordsTask) => (task.kind === "count" ? [task.block.bytes.buffer] : []);
          for await (const result of pool.map(tasks, { signal: this.#signal, transfer }))
            results.push(result);
        }),
      );
    } catch (error) {
      await this.close(); // the other lanes stop at once instead of finishing their blocks
      this.#signal.throwIfAborted(); // says more than the error of a worker that was stopped
      throw error;
    }
    results.sort((a, b) => a.order - b.order);
    const counts = sumCounts([NO_COUNTS, ...results.map((result) => result.counts)]);
    await writeJson(`${output}.json`, { ...counts, heldOut: firstTexts(counts.heldOut, heldOutSample) });
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#stop);
    const pools = this.#pools;
    this.#pools = [];
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #start(): void {
    if (this.#pools.length > 0) return;
    const { workers, memoryBytes, preTokenization, heldOutShare } = this.#options;
    const rest = memoryBytes - PROCESS_BYTES - workers * WORKER_BYTES;
    const counting = Math.max(rest * COUNTS_SHARE, memoryBytes / 4);
    const workerData: CountWordsData = { preTokenization, heldOutShare, memoryBytes: counting / workers };
    const entry = workerEntry(import.meta.url, "./count-words.worker");
    this.#pools = Array.from({ length: workers }, () => new WorkerPool({ entry, workers: 1, workerData }));
    this.#signal.addEventListener("abort", this.#stop);
  }

  /** An interrupted run does not wait until its workers have sorted and written what will be counted again. */
  readonly #stop = (): void => {
    for (const pool of this.#pools) pool.close().catch(() => undefined);
  };
}

async function* readUnit(
  files: readonly CorpusFile[],
  output: string,
  keptShares: Readonly<Record<string, number>>,
): AsyncGenerator<Task, undefined> {
  let order = 0;
  for (const file of files) {
    const keptShare = keptShares[file.group] ?? 1;
    for await (const block of readTextBlocks(file)) {
      yield { kind: "count", block, keptShare, output, order: order++ };
    }
  }
}

/** What one lane does: blocks as long as the unit has any, which all lanes draw from, then the end. */
async function* laneTasks(
  blocks: AsyncGenerator<Task, undefined>,
  output: string,
): AsyncGenerator<CountWordsTask> {
  for (;;) {
    const { done, value } = await blocks.next();
    if (done) break;
    yield { ...value, output };
  }
  yield { kind: "finish", output };
}

/** What an interrupted run left of a unit. */
async function removeRuns(output: string): Promise<void> {
  const folder = join(output, "..");
  for (const name of await readdir(folder)) {
    if (join(folder, name).startsWith(`${output}-`)) await rm(join(folder, name));
  }
}

/** Texts from the first on, until they reach `units` UTF-16 units together. */
function firstTexts(texts: readonly string[], units: number): string[] {
  let left = units;
  return texts.filter((text) => {
    const isKept = left > 0;
    left -= text.length;
    return isKept;
  });
}
