import { move, workerData } from "piscina";
import xxhash from "xxhash-wasm";
import { type Cleaner, createCleaner, type Reject } from "./clean.ts";
import { PROFILES, type ProfileName } from "./profiles.ts";
import { workerTask } from "./runtime/workers.ts";
import type { Statistics } from "./statistics.ts";

/** What every worker knows of the data sets, by their index. */
export interface CleanWorkerData {
  readonly datasets: readonly {
    readonly name: string;
    readonly profile: ProfileName;
    readonly licence: string;
  }[];
}

export interface CleanTask {
  readonly dataset: number;
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
  readonly lines: Uint32Array<ArrayBuffer>;
  readonly textBytes: Uint32Array<ArrayBuffer>;
  readonly characters: Uint32Array<ArrayBuffer>;
  readonly statistics: Statistics;
  readonly rejects: readonly Reject[];
}

const { datasets }: CleanWorkerData = workerData;
const { h64 } = await xxhash();
const cleaners = new Map<ProfileName, Cleaner>();

export default workerTask(clean);

function clean(task: CleanTask): CleanResult {
  const dataset = datasets[task.dataset]!;
  const { kept, statistics, rejects } = cleanerFor(dataset.profile)(task.lines, task.firstLine);
  const records = kept.map(({ line, text, record, changedBy }) => {
    const meta = {
      id: `${dataset.name}:${line}`,
      source: dataset.name,
      licence: dataset.licence,
      ...(record.url === undefined ? {} : { url: record.url }),
      ...(record.title === undefined ? {} : { title: record.title }),
      ...(changedBy.length === 0 ? {} : { changedBy }),
    };
    return Buffer.from(`${JSON.stringify({ text, meta })}\n`);
  });

  const ends = new Uint32Array(kept.length);
  let end = 0;
  for (const [i, record] of records.entries()) {
    end += record.length;
    ends[i] = end;
  }
  const result: CleanResult = {
    records: concatenate(records, end),
    ends,
    keys: BigUint64Array.from(kept, ({ text }) => h64(normaliseForDedup(text))),
    lines: Uint32Array.from(kept, ({ line }) => line),
    textBytes: Uint32Array.from(kept, ({ text }) => Buffer.byteLength(text)),
    characters: Uint32Array.from(kept, ({ text }) => text.length),
    statistics,
    rejects,
  };
  move(result.records.buffer);
  return result;
}

function cleanerFor(profile: ProfileName): Cleaner {
  let cleaner = cleaners.get(profile);
  if (cleaner === undefined) {
    cleaner = createCleaner(PROFILES[profile]);
    cleaners.set(profile, cleaner);
  }
  return cleaner;
}

/** Texts that differ only in case, spacing or punctuation are the same text. */
function normaliseForDedup(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ");
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
