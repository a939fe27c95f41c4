import { isUtf8 } from "node:buffer";
import { basename } from "node:path";
import { workerData } from "piscina";
import xxhash from "xxhash-wasm";
import type { TextBlock } from "../../pipeline/corpus.ts";
import { workerTask } from "../../pipeline/runtime/workers.ts";
import { DocumentReader } from "../documents.ts";
import type { PreTokenization } from "../engine/pre-tokenizer.ts";
import { utf16Length } from "../engine/utf8.ts";
import { heldOutRule } from "../held-out.ts";
import { type CorpusCounts, NO_COUNTS } from "./corpus-counts.ts";
import { WordCounter } from "./word-counter.ts";
import { writeWordRun } from "./word-run.ts";

/** What a counting worker needs for all tasks. */
export interface CountWordsData {
  readonly preTokenization: PreTokenization;
  readonly heldOutShare: number;
  /** Bytes of counts after which a sorted run is written and counting starts anew. */
  readonly memoryBytes: number;
}

/** A block to count, or the end of a unit: then what is counted so far is written. */
export type CountWordsTask =
  | {
      readonly kind: "count";
      readonly block: TextBlock;
      /** Share of the documents to count: below 1 where a group is larger than the mix asks. */
      readonly keptShare: number;
      /** Path and beginning of the name of the runs: `${output}-0.run`, `-1.run`, … */
      readonly output: string;
      readonly order: number;
    }
  | { readonly kind: "finish"; readonly output: string };

/** What the task found; `order` says which block of the unit it was. */
export interface CountWordsResult {
  readonly order: number;
  readonly counts: CorpusCounts;
  readonly bytes: number;
}

const { preTokenization, heldOutShare, memoryBytes }: CountWordsData = workerData;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const isHeldOut = await heldOutRule(heldOutShare);
const { h32Raw } = await xxhash();
const documents = new DocumentReader();
const counter = new WordCounter(preTokenization);
let runs: string[] = [];

/** Seed of the hash that draws documents for the mix: another than the one they are held out by. */
const MIX_SEED = 0x6d69_7831;

export default workerTask(async (task: CountWordsTask): Promise<CountWordsResult> => {
  if (task.kind === "finish") {
    if (counter.size > 0) await spill(task.output);
    const finished = runs;
    runs = [];
    return { order: 0, bytes: 0, counts: { ...NO_COUNTS, runs: finished } };
  }
  const counts: CorpusCounts = { ...NO_COUNTS, heldOut: [], runs: [] };
  const { block } = task;
  if (block.kind === "lines") {
    counts.rejectedLines = documents.read(block.bytes, (text) => take(text, task.keptShare, counts));
    if (block.oversizedBytes !== undefined) counts.rejectedLines += 1;
  } else {
    if (!isUtf8(block.bytes)) counts.damagedFiles = 1;
    take(counts.damagedFiles === 0 ? block.bytes : toUtf8(block.bytes), task.keptShare, counts);
  }
  if (counter.peakBytes > memoryBytes || counter.isNearlyFull) await spill(task.output);
  return { order: task.order, counts, bytes: block.bytes.length + (block.oversizedBytes ?? 0) };
});

/** Counts a document, unless it is held out or left out. */
function take(text: Uint8Array, keptShare: number, counts: CorpusCounts): void {
  if (keptShare < 1 && h32Raw(text, MIX_SEED) >= keptShare * 2 ** 32) {
    counts.leftOutDocuments += 1;
  } else if (isHeldOut(text)) {
    counts.heldOutDocuments += 1;
    counts.heldOut.push(utf8.decode(text));
  } else {
    counts.documents += 1;
    counts.characters += utf16Length(text);
    counts.bytes += text.length;
    counter.add(text);
  }
}

/** The same text with U+FFFD in the place of what is not UTF-8. */
const toUtf8 = (bytes: Uint8Array) => Buffer.from(utf8.decode(bytes));

async function spill(output: string): Promise<void> {
  const path = `${output}-${runs.length}.run`;
  await writeWordRun(path, counter.sorted());
  runs.push(basename(path));
  counter.clear();
}
