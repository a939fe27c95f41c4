import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists } from "../../pipeline/runtime/files.ts";
import type { ProgressTask } from "../../pipeline/runtime/progress.ts";
import { readCharacters } from "./alphabet.ts";
import { type MergedWord, mergeWordRuns } from "./merge-runs.ts";
import { type WordList, WordListBuilder } from "./word-list.ts";
import { WordRunWriter } from "./word-run.ts";

/** Words to train on, and which were left out to stay within the memory. */
export interface PrunedWords extends WordList {
  /** Different words there are, those left out included. */
  readonly differentWords: number;
  readonly pruning: Pruning;
}

/** Words of a count below `threshold` are left out; a threshold of 1 leaves out none. */
export interface Pruning {
  readonly threshold: number;
  readonly prunedWords: number;
  readonly prunedOccurrences: number;
}

export interface LoadWordsOptions {
  readonly workFolder: string;
  /** Memory for the words and all that training makes of them, in bytes. */
  readonly memoryBytes: number;
  /** Runs merged at once: each is an open file and 256 KiB. */
  readonly fanIn?: number;
}

const FAN_IN = 64;

/**
 * Memory training takes at most for a word, and for each of its bytes: start, count and place in two lists (36),
 * its bytes twice over as symbols (3), its pairs' places, which double when they grow (12).
 */
const BYTES_A_WORD = 36;
const BYTES_A_BYTE = 15;

/** Training counts symbols in 32 bits; a word has as many as bytes at most. */
const MAX_SYMBOLS = 2 ** 31;

/** Counts the histogram keeps apart; words above are kept in any case. */
const HISTOGRAM = 1 << 16;

/** Words after which signals and the display get their turn: about 20 ms. */
const WORDS_A_TURN = 1 << 17;

/**
 * Merges sorted runs into one list in memory: in several passes over the disk when there are many, and without the
 * rarest words when not all fit.
 */
export async function loadWords(
  runs: readonly string[],
  { workFolder, fanIn = FAN_IN, ...options }: LoadWordsOptions,
  context: JobContext,
): Promise<PrunedWords> {
  const memoryBytes = Math.min(options.memoryBytes, BYTES_A_BYTE * MAX_SYMBOLS);
  const progress = context.progress.start({ label: "merging word counts", unit: "words" });
  const { signal } = context;

  // 1. Merge groups of runs into longer ones until few are left
  let paths = [...runs];
  for (let pass = 1; paths.length > fanIn; pass++) {
    const merged: string[] = [];
    for (let at = 0; at < paths.length; at += fanIn) {
      const output = join(workFolder, `merged-${pass}-${String(merged.length).padStart(5, "0")}.run`);
      await mergeGroup(paths.slice(at, at + fanIn), output, signal, progress);
      merged.push(output);
    }
    paths = merged;
  }

  // 2. Find the count below which words do not fit, unless they all do
  const histogram = (await fitsSurely(paths, memoryBytes)) ? undefined : new CountHistogram();
  if (histogram !== undefined) await forEachWord(paths, signal, progress, (word) => histogram.add(word));
  const pruning = histogram?.pruneTo(memoryBytes) ?? { threshold: 1, prunedWords: 0, prunedOccurrences: 0 };

  // 3. Load the others
  const list = new WordListBuilder();
  const rareCharacters = new Map<number, number>();
  await forEachWord(paths, signal, progress, (word) => {
    if (word.count >= pruning.threshold) list.add(word.bytes, 0, word.end, word.count);
    else tallyCharacters(word, rareCharacters);
  });
  const words = list.build();
  const differentWords = words.size + pruning.prunedWords;
  progress.done(
    pruning.prunedWords === 0
      ? `${differentWords} different words`
      : `${differentWords} different words, ${pruning.prunedWords} rarer than ${pruning.threshold} left out to stay within the memory`,
  );
  return { ...words, rareCharacters, differentWords, pruning };
}

/** Merges runs into one. Where an interrupted run has done it already there is nothing to do. */
async function mergeGroup(
  paths: readonly string[],
  output: string,
  signal: AbortSignal,
  progress: ProgressTask,
): Promise<void> {
  if (await exists(output)) return;
  progress.note(basename(output));
  const writer = await WordRunWriter.create(output);
  try {
    await forEachWord(
      paths,
      signal,
      progress,
      ({ bytes, end, count }) => writer.add(bytes, 0, end, count),
      async () => {
        if (writer.isFull) await writer.flush();
      },
    );
    await writer.commit();
  } finally {
    await writer.discard();
  }
}

/** Hands on every word of the merged runs. `after` is awaited now and then. */
async function forEachWord(
  paths: readonly string[],
  signal: AbortSignal,
  progress: ProgressTask,
  take: (word: MergedWord) => void,
  after: () => Promise<void> = async () => undefined,
): Promise<void> {
  let words = 0;
  for (const word of mergeWordRuns(paths)) {
    take(word);
    words += 1;
    if (words % WORDS_A_BLOCK === 0) await after();
    if (words % WORDS_A_TURN !== 0) continue;
    progress.advance(WORDS_A_TURN);
    await setImmediate();
    signal.throwIfAborted();
  }
  await after();
}

/** A rare word may hold a character that is not rare: the alphabet is chosen among all of them. */
function tallyCharacters({ bytes, end, count }: MergedWord, tally: Map<number, number>): void {
  const codePoints = new Int32Array(end);
  const word = { size: 1, bytes, starts: Float64Array.of(0, end), counts: Float64Array.of(count) };
  const length = readCharacters(word, 0, codePoints);
  for (let i = 0; i < length; i++) {
    const codePoint = codePoints[i] as number;
    tally.set(codePoint, (tally.get(codePoint) ?? 0) + count);
  }
}

/** Words after which a writer is asked whether it is full. */
const WORDS_A_BLOCK = 1 << 12;

/** Whether the words fit even if no run shares a word with another. A word takes 3 bytes of a run at least. */
async function fitsSurely(paths: readonly string[], memoryBytes: number): Promise<boolean> {
  let bytes = 0;
  for (const path of paths) bytes += (await stat(path)).size;
  return bytes * (BYTES_A_BYTE + BYTES_A_WORD / 3) <= memoryBytes;
}

/** How many words there are of each count, and their bytes. */
class CountHistogram {
  readonly #words = new Float64Array(HISTOGRAM);
  readonly #bytes = new Float64Array(HISTOGRAM);

  add({ end, count }: MergedWord): void {
    const at = Math.min(count, HISTOGRAM - 1);
    this.#words[at] = (this.#words[at] as number) + 1;
    this.#bytes[at] = (this.#bytes[at] as number) + end;
  }

  /** The smallest threshold with which the words left fit. */
  pruneTo(memoryBytes: number): Pruning {
    let needed = 0;
    let kept = 0;
    let threshold = HISTOGRAM;
    for (let count = HISTOGRAM - 1; count >= 1; count--) {
      needed += BYTES_A_WORD * (this.#words[count] as number) + BYTES_A_BYTE * (this.#bytes[count] as number);
      if (needed > memoryBytes) break;
      kept += this.#words[count] as number;
      threshold = count;
    }
    if (kept === 0) {
      throw new UserError("--memory: too little to train on even the most frequent words; raise it");
    }
    let prunedWords = 0;
    let prunedOccurrences = 0;
    for (let count = 1; count < threshold; count++) {
      prunedWords += this.#words[count] as number;
      prunedOccurrences += count * (this.#words[count] as number);
    }
    return { threshold, prunedWords, prunedOccurrences };
  }
}
