import type { Reject, Trace } from "./evidence/evidence.ts";
import { RejectSample } from "./evidence/reject-sample.ts";
import { excerptChange } from "./evidence/trace.ts";
import { TextMeasures } from "./measures/text-measures.ts";
import type { Profile } from "./profiles.ts";
import { parseRecord, type TextRecord } from "./readers/record.ts";
import {
  addToHistogram,
  countDrop,
  emptyStatistics,
  QUALITY_BINS,
  type Statistics,
  type StepStatistics,
  stepOf,
} from "./statistics.ts";
import { STEPS } from "./steps/index.ts";
import { judge } from "./steps/step.ts";

/** A document that passed every step. */
export interface CleanDocument {
  readonly line: number;
  readonly text: string;
  /** Of the text in UTF-8. */
  readonly bytes: number;
  readonly record: TextRecord;
  /** Hashes of its words, those without letters or digits left out. Valid until the next document. */
  readonly hashes: Uint32Array;
  /** 64-bit key of these: equal keys are exact duplicates. */
  readonly key: bigint;
  readonly quality: number;
  /** Names of the steps that changed the text. */
  readonly changedBy: readonly string[];
}

/** What is known of a block's documents; those that are kept went to `onKept`. */
export interface CleanedBlock {
  readonly statistics: Statistics;
  /** The first few rejects of each reason, in the order of their lines. */
  readonly rejects: readonly Reject[];
  /** The first few changes of each step. */
  readonly traces: readonly Trace[];
  /** Time spent in each step, in milliseconds; estimated from every eighth document. */
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** Cleans the documents of whole JSON lines; `firstLine` numbers them, and `input` the files they are from. */
export type Cleaner = (lines: Uint8Array, firstLine: number, input?: number) => CleanedBlock;

/** The step that turns a line into a document, or drops it as unreadable. */
export const READ_STEP = "read";
/** One document of so many has its steps timed: twenty looks at the clock cost as much as a step does. */
const TIMED = 8;

export interface CleanerOptions {
  /** xxHash64. */
  readonly hash: (bytes: Uint8Array) => bigint;
  /**
   * Takes every document that is kept, at once: texts held until their block's end outlive a collection or two of the
   * young, which copy them, and then lie among the old until a full one.
   */
  readonly onKept?: (document: CleanDocument) => void;
  /** Changes kept as evidence, for each step and block. */
  readonly traces: number;
  /** Sees every document that is dropped, its text as it is then. */
  readonly onReject?: (reject: Pick<Reject, "line" | "step" | "reason">, text: string) => void;
}

/** Makes the ordered steps ready for documents of one profile. */
export function createCleaner(
  profile: Profile,
  { hash, onKept, traces: tracesKept, onReject }: CleanerOptions,
): Cleaner {
  const steps = STEPS.flatMap(({ name, addsNoSigns = false, create }) => {
    const apply = create(profile);
    return apply === undefined ? [] : [{ name, addsNoSigns, apply }];
  });
  const names = [READ_STEP, ...steps.map(({ name }) => name)];

  return (lines, firstLine, input = 0) => {
    const statistics = emptyStatistics(names);
    const rejects = new RejectSample();
    const reject = (line: number, step: string, reason: string, text: () => string) => {
      rejects.add({ input, line }, step, reason, text);
      onReject?.({ line, step, reason }, text());
    };
    const traces: Trace[] = [];
    // by the step's place: looking up names for every step of every document took a twentieth of the time
    const counters = names.map((name) => stepOf(statistics, name));
    const reading = counters[0] as StepStatistics;
    const spent = new Float64Array(names.length);
    /** Of the document, when it is one whose steps are timed; 0 for the others. */
    let clock = 0;
    let timed = 0;
    const spend = (step: number, since: number) => {
      if (since === 0) return 0;
      const now = performance.now();
      spent[step] = (spent[step] as number) + now - since;
      return now;
    };

    for (const { line, bytes } of splitLines(lines, firstLine)) {
      statistics.documentsRead += 1;
      statistics.bytesRead += bytes.length;
      reading.documentsIn += 1;
      const isTimed = statistics.documentsRead % TIMED === 1;
      if (isTimed) timed += 1;
      clock = isTimed ? performance.now() : 0;
      const parsed = parseRecord(bytes);
      clock = spend(0, clock);
      if (!parsed.ok) {
        countDrop(reading, parsed.reason);
        reject(line, READ_STEP, parsed.reason, () => bytes.toString());
        continue;
      }
      const { record } = parsed;
      const original = new TextMeasures(record.text);
      reading.bytesIn += original.bytes;
      reading.bytesOut += original.bytes;

      const changedBy: string[] = [];
      const measures = applySteps(original, record);
      if (measures !== undefined) {
        const { text, bytes, quality, words } = measures;
        const hashes = withoutZeros(words.hashes);
        const key = hash(new Uint8Array(hashes.buffer, hashes.byteOffset, hashes.byteLength));
        addToHistogram(statistics.quality, Math.floor(quality * QUALITY_BINS));
        addToHistogram(statistics.lengths, Math.floor(Math.log2(Math.max(text.length, 1))));
        onKept?.({ line, text, bytes, record, hashes, key, quality, changedBy });
      }

      /** The text after every step with its measures, or undefined when one of them dropped it. */
      function applySteps(original: TextMeasures, { label }: TextRecord): TextMeasures | undefined {
        let measures = original;
        let current = original.text;
        for (let i = 0; i < steps.length; i++) {
          const { name, addsNoSigns, apply } = steps[i] as (typeof steps)[number];
          const step = counters[i + 1] as StepStatistics;
          step.documentsIn += 1;
          const verdict = judge(apply, current, measures, { label, changedBy });
          clock = spend(i + 1, clock);
          if (!verdict.keep) {
            countDrop(step, verdict.reason);
            reject(line, name, verdict.reason, () => current);
            return undefined;
          }
          step.bytesIn += measures.bytes;
          if (verdict.text !== current) {
            step.changed += 1;
            if (step.changed <= tracesKept)
              traces.push({ input, line, step: name, ...excerptChange(current, verdict.text) });
            changedBy.push(name);
            current = verdict.text;
            measures = new TextMeasures(current, addsNoSigns ? measures.signs : undefined);
          }
          step.bytesOut += measures.bytes;
        }
        return measures;
      }
    }
    const scale = timed === 0 ? 0 : statistics.documentsRead / timed;
    const milliseconds = Object.fromEntries(names.map((name, i) => [name, (spent[i] as number) * scale]));
    return { statistics, rejects: rejects.sample, traces, milliseconds };
  };
}

/** Moves the values that are not zero to the front, in place. */
function withoutZeros(hashes: Uint32Array): Uint32Array {
  const first = hashes.indexOf(0);
  return first < 0 ? hashes : hashes.subarray(0, closeUp(hashes, first));
}

/**
 * Moves the values behind the zero at `first` up, and returns how many values there are then. Not in one function with what
 * comes behind the loop: V8 compiles long loops while they run, and threw the code away at that place every time.
 */
function closeUp(hashes: Uint32Array, first: number): number {
  let count = first;
  for (let i = first; i < hashes.length; i++) {
    const hash = hashes[i] as number;
    if (hash !== 0) hashes[count++] = hash;
  }
  return count;
}

/** The lines that are not blank, without their line ends. */
function* splitLines(block: Uint8Array, firstLine: number): Generator<{ line: number; bytes: Buffer }> {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length); // its indexOf is 20 times as fast
  let line = firstLine;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    if (!isBlank(bytes, start, end)) yield { line, bytes: bytes.subarray(start, end) };
    start = end + 1;
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte !== 32 && byte !== 13 && byte !== 9) return false;
  }
  return true;
}
