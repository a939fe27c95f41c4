import { basename } from "node:path";
import { workerData } from "piscina";
import xxhash from "xxhash-wasm";
import { parseTextBlock, type TextBlock } from "../../pipeline/corpus.ts";
import { workerTask } from "../../pipeline/runtime/workers.ts";
import type { PreTokenization } from "../engine/pre-tokenizer.ts";
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
const utf8 = new TextEncoder();
const isHeldOut = await heldOutRule(heldOutShare);
const { h32Raw } = await xxhash();
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
  const { texts, rejected, damaged, bytes: read } = parseTextBlock(task.block);
  counts.rejectedLines = rejected;
  counts.damagedFiles = damaged;
  for (const text of texts) {
    const bytes = utf8.encode(text);
    if (task.keptShare < 1 && h32Raw(bytes, MIX_SEED) >= task.keptShare * 2 ** 32) {
      counts.leftOutDocuments += 1;
    } else if (isHeldOut(bytes)) {
      counts.heldOutDocuments += 1;
      counts.heldOut.push(text);
    } else {
      counts.documents += 1;
      counts.characters += text.length;
      counts.bytes += bytes.length;
      counter.add(bytes);
    }
    if (counter.peakBytes > memoryBytes || counter.isNearlyFull) await spill(task.output);
  }
  return { order: task.order, counts, bytes: read };
});

async function spill(output: string): Promise<void> {
  const path = `${output}-${runs.length}.run`;
  await writeWordRun(path, counter.sorted());
  runs.push(basename(path));
  counter.clear();
}
