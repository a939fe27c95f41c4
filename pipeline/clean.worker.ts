import { workerData } from "piscina";
import xxhash from "xxhash-wasm";
import { type CleanDocument, type Cleaner, createCleaner } from "./clean.ts";
import { BAND_WORDS, createMinHasher } from "./dedup/minhash.ts";
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
  /** Band hashes of each, `BAND_WORDS` a document, halves of 64 bits; empty without near-dedup. */
  readonly bands: Uint32Array<ArrayBuffer>;
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

/** The kept documents of the block being cleaned. */
class KeptRecords {
  readonly #records = new RecordBuffer();
  #documents: { end: number; textBytes: number; characters: number; key: bigint }[] = [];
  #bands: Uint32Array[] = [];

  add({ line, text, bytes, record, hashes, key, quality, changedBy }: CleanDocument): void {
    const { name, licence } = datasets[current.dataset]!;
    // JSON leaves out what is undefined
    const meta = {
      id: `${current.source}:${line}`,
      source: name,
      licence,
      url: record.url,
      title: record.title,
      quality: Math.round(quality * 100) / 100,
      changedBy: changedBy.length === 0 ? undefined : changedBy,
    };
    this.#records.add(text, JSON.stringify(meta));
    this.#documents.push({ end: this.#records.length, textBytes: bytes, characters: text.length, key });
    if (minHash === undefined) return;
    const bands = new Uint32Array(BAND_WORDS);
    minHash(hashes, bands, 0);
    this.#bands.push(bands);
  }

  take(): Pick<CleanResult, "records" | "ends" | "keys" | "bands" | "textBytes" | "characters"> {
    const documents = this.#documents;
    const bands = new Uint32Array(this.#bands.length * BAND_WORDS);
    for (const [i, own] of this.#bands.entries()) bands.set(own, i * BAND_WORDS);
    this.#documents = [];
    this.#bands = [];
    return {
      records: this.#records.take(),
      ends: Uint32Array.from(documents, ({ end }) => end),
      keys: BigUint64Array.from(documents, ({ key }) => key),
      bands,
      textBytes: Uint32Array.from(documents, ({ textBytes }) => textBytes),
      characters: Uint32Array.from(documents, ({ characters }) => characters),
    };
  }
}

/** The dropped documents of the block being cleaned, as finished lines. */
class RejectedRecords {
  readonly #records = new RecordBuffer();
  #ends: number[] = [];
  #kinds: string[] = [];

  add({ line, step, reason }: Pick<Reject, "line" | "step" | "reason">, text: string): void {
    const { source, file, dataset } = current;
    const { name } = datasets[dataset]!;
    const document: RejectedDocument = { id: `${source}:${line}`, source: name, file, line, step, reason };
    this.#records.add(text.toWellFormed(), JSON.stringify(document));
    this.#ends.push(this.#records.length);
    this.#kinds.push(kindOf(step, reason));
  }

  take(): CleanResult["rejected"] {
    const [ends, kinds] = [this.#ends, this.#kinds];
    this.#ends = [];
    this.#kinds = [];
    return { records: this.#records.take(), ends, kinds };
  }
}

const { datasets, nearDedup, traces: tracesKept, rejects: rejectsKept }: CleanWorkerData = workerData;
const { h64Raw } = await xxhash();
const minHash = nearDedup ? createMinHasher() : undefined;
const kept = new KeptRecords();
const rejected = new RejectedRecords();
let current: CleanTask;
/** By thresholds: most of 160 data sets have the same, and a cleaner holds the memory of its longest text. */
const cleaners = new Map<string, Cleaner>();
const thresholdKeys = datasets.map(({ thresholds }) => JSON.stringify(thresholds));

export default workerTask(clean, ({ records }) => [records.buffer]);

function clean(task: CleanTask): CleanResult {
  current = task;
  const block = cleanerFor(task.dataset)(task.lines, task.firstLine, task.input);
  freeMemory(task.lines);
  return { ...kept.take(), rejected: rejected.take(), ...block };
}

function cleanerFor(index: number): Cleaner {
  const key = thresholdKeys[index] as string;
  let cleaner = cleaners.get(key);
  if (cleaner === undefined) {
    cleaner = createCleaner(datasets[index]!.thresholds, {
      hash: h64Raw,
      onKept: (document) => kept.add(document),
      traces: tracesKept,
      ...(rejectsKept === "all" ? { onReject: (reject, text) => rejected.add(reject, text) } : {}),
    });
    cleaners.set(key, cleaner);
  }
  return cleaner;
}
