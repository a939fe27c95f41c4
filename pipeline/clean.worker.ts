import { workerData } from "piscina";
import xxhash from "xxhash-wasm";
import { type Cleaner, createCleaner } from "./clean.ts";
import { BANDS, createMinHasher } from "./dedup/minhash.ts";
import { kindOf, type Reject, type Rejects, type Trace } from "./evidence/evidence.ts";
import type { RejectedDocument } from "./evidence/reject-archive.ts";
import type { Profile } from "./profiles.ts";
import { RecordBuffer } from "./record-buffer.ts";
import { freeMemory } from "./runtime/free-memory.ts";
import { workerTask } from "./runtime/workers.ts";
import type { Statistics } from "./statistics.ts";

/** What every worker knows of the data sets, by their index. */
export interface CleanWorkerData {
  readonly datasets: readonly {
    readonly name: string;
    readonly thresholds: Profile;
    readonly licence: string;
  }[];
  /** Whether to work out the band hashes that near-duplicates are found by. */
  readonly nearDedup: boolean;
  /** Changes kept as evidence, for each step and block. */
  readonly traces: number;
  readonly rejects: Rejects;
}

export interface CleanTask {
  readonly dataset: number;
  /** The input's index in the data set, and its name for people. */
  readonly input: number;
  readonly file: string;
  /** Begins the ids of the documents; their lines end them. */
  readonly source: string;
  /** Whole JSON lines; moved, not copied. */
  readonly lines: Uint8Array<ArrayBuffer>;
  readonly firstLine: number;
}

/** The kept documents as finished output lines, so that the main thread only has to pick and write them. */
export interface CleanResult {
  /** JSON lines of the kept documents, one after the other. */
  readonly records: Uint8Array<ArrayBuffer>;
  /** Where each of them ends in `records`. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** 64-bit key of each one's normalised text: equal keys are exact duplicates. */
  readonly keys: BigUint64Array<ArrayBuffer>;
  /** Band hashes of each, `BANDS` pairs of 32-bit halves a document; empty without near-dedup. */
  readonly bands: Uint32Array<ArrayBuffer>;
  readonly lines: Uint32Array<ArrayBuffer>;
  readonly textBytes: Uint32Array<ArrayBuffer>;
  readonly characters: Uint32Array<ArrayBuffer>;
  readonly statistics: Statistics;
  readonly rejects: readonly Reject[];
  /** With `--rejects all`, JSON lines of the dropped documents, where each of them ends, and which kind it is. */
  readonly rejected: {
    readonly records: Uint8Array<ArrayBuffer>;
    readonly ends: readonly number[];
    readonly kinds: readonly string[];
  };
  readonly traces: readonly Trace[];
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** The dropped documents of a block, as finished lines. */
class RejectedRecords {
  readonly #records = new RecordBuffer();
  readonly #ends: number[] = [];
  readonly #kinds: string[] = [];

  add(document: RejectedDocument, text: string): void {
    this.#records.add(text.toWellFormed(), JSON.stringify(document));
    this.#ends.push(this.#records.length);
    this.#kinds.push(kindOf(document.step, document.reason));
  }

  take(): CleanResult["rejected"] {
    return { records: this.#records.take(), ends: this.#ends, kinds: this.#kinds };
  }
}

const { datasets, nearDedup, traces: tracesKept, rejects: rejectsKept }: CleanWorkerData = workerData;
const { h64Raw } = await xxhash();
const minHash = nearDedup ? createMinHasher() : undefined;
/** Of the block being cleaned. */
let bands: Uint32Array<ArrayBuffer>[] = [];
let rejected = new RejectedRecords();
let current: CleanTask;
/** By thresholds: most of 160 data sets have the same, and a cleaner holds the memory of its longest text. */
const cleaners = new Map<string, Cleaner>();
const thresholdKeys = datasets.map(({ thresholds }) => JSON.stringify(thresholds));

export default workerTask(clean, ({ records }) => [records.buffer]);

function clean(task: CleanTask): CleanResult {
  const dataset = datasets[task.dataset]!;
  bands = [];
  rejected = new RejectedRecords();
  current = task;
  const { kept, statistics, rejects, traces, milliseconds } = cleanerFor(task.dataset)(
    task.lines,
    task.firstLine,
    task.input,
  );
  const dropped = rejected.take(); // before the memory is used for the kept ones
  const records = new RecordBuffer();
  const ends = new Uint32Array(kept.length);
  const textBytes = new Uint32Array(kept.length);
  for (const [i, { line, text, record, quality, changedBy }] of kept.entries()) {
    const meta = {
      id: `${task.source}:${line}`,
      source: dataset.name,
      licence: dataset.licence,
      ...(record.url === undefined ? {} : { url: record.url }),
      ...(record.title === undefined ? {} : { title: record.title }),
      quality: Math.round(quality * 100) / 100,
      ...(changedBy.length === 0 ? {} : { changedBy }),
    };
    textBytes[i] = records.add(text, JSON.stringify(meta));
    ends[i] = records.length;
  }
  freeMemory(task.lines);
  return {
    records: records.take(),
    ends,
    keys: BigUint64Array.from(kept, ({ key }) => key),
    bands: joinBands(bands),
    lines: Uint32Array.from(kept, ({ line }) => line),
    textBytes,
    characters: Uint32Array.from(kept, ({ text }) => text.length),
    statistics,
    rejects,
    rejected: dropped,
    traces,
    milliseconds,
  };
}

function cleanerFor(index: number): Cleaner {
  const key = thresholdKeys[index] as string;
  let cleaner = cleaners.get(key);
  if (cleaner === undefined) {
    cleaner = createCleaner(datasets[index]!.thresholds, {
      hash: h64Raw,
      onWords,
      traces: tracesKept,
      ...(rejectsKept === "all" ? { onReject } : {}),
    });
    cleaners.set(key, cleaner);
  }
  return cleaner;
}

function onReject({ line, step, reason }: Pick<Reject, "line" | "step" | "reason">, text: string): void {
  const { source, file, dataset } = current;
  const { name } = datasets[dataset]!;
  rejected.add({ id: `${source}:${line}`, source: name, file, line, step, reason }, text);
}

function onWords(hashes: Uint32Array): void {
  if (minHash === undefined) return;
  const own = new Uint32Array(BANDS * 2);
  minHash(hashes, own, 0);
  bands.push(own);
}

function joinBands(parts: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const joined = new Uint32Array(parts.length * BANDS * 2);
  for (const [i, part] of parts.entries()) joined.set(part, i * BANDS * 2);
  return joined;
}
