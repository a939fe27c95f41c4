import { join } from "node:path";
import { AtomicFile, writeFileAtomic } from "../runtime/files.ts";
import { kindOf, type Reject, type Rejects, type Trace, type UnitEvidence } from "./evidence.ts";
import { publishedRejects, RejectFrames } from "./reject-frames.ts";

/** Examples held of each kind while all evidence is gone through: half of it to all of it are left in the end. */
const MOST_EXAMPLES = 40;

export type PublishedReject = Reject & { readonly dataset: string };
export type PublishedTrace = Trace & { readonly dataset: string };

/** What of all evidence is held in memory: examples from all parts of the corpus, by kind and by step. */
export interface Examples {
  readonly rejects: readonly (readonly [kind: string, examples: readonly PublishedReject[]])[];
  readonly traces: readonly (readonly [step: string, examples: readonly PublishedTrace[]])[];
}

export interface PublishOptions {
  readonly out: string;
  /** Folder of the journal, where the archives are. */
  readonly journal: string;
  readonly rejects: Rejects;
  /** Name of a data set's input. */
  readonly fileOf: (dataset: string, input: number) => string;
}

/**
 * Writes what shows how the texts came to be, unit by unit: `traces/STEP.jsonl`, what each step changed, and `rejects/`,
 * a file for each reason: `STEP--REASON.jsonl` with examples, or `STEP--REASON.jsonl.zst` with all of them whole.
 */
export async function publishEvidence(
  units: AsyncIterable<UnitEvidence>,
  { out, journal, rejects: kept, fileOf }: PublishOptions,
): Promise<Examples> {
  const rejects = new Map<string, Spread<PublishedReject>>();
  const traces = new Map<string, Spread<PublishedTrace>>();
  const written = new FileSet();
  const frames = new RejectFrames({ out, journal });
  const named = ({ input, ...rest }: PublishedReject | PublishedTrace) => {
    const { dataset, ...others } = rest;
    return `${JSON.stringify({ dataset, file: fileOf(dataset, input), ...others })}\n`;
  };
  try {
    for await (const { dataset, evidence } of units) {
      for (const reject of evidence.rejects)
        getOrMake(rejects, kindOf(reject.step, reject.reason)).add({ dataset, ...reject });
      for (const trace of evidence.traces) {
        getOrMake(traces, trace.step).add({ dataset, ...trace });
        await written.append(
          join(out, "traces", `${trace.step}.jsonl`),
          Buffer.from(named({ dataset, ...trace })),
        );
      }
      for (const archive of evidence.archives) {
        for await (const { kind, frame } of frames.of(archive))
          await written.append(publishedRejects(out, kind), frame);
      }
    }
    await frames.requireAllRead();
    await written.commit();
  } finally {
    await frames.close();
    await written.discard();
  }
  if (kept === "sampled") {
    for (const [kind, spread] of rejects)
      await writeFileAtomic(join(out, "rejects", `${kind}.jsonl`), spread.examples.map(named).join(""));
  }
  const examplesOf = <T>(map: Map<string, Spread<T>>) =>
    [...map].map(([name, { examples }]) => [name, examples] as const);
  return { rejects: examplesOf(rejects), traces: examplesOf(traces) };
}

function getOrMake<T>(map: Map<string, Spread<T>>, key: string): Spread<T> {
  const spread = map.get(key) ?? new Spread<T>();
  map.set(key, spread);
  return spread;
}

/** Keeps every so many of what it is given, more seldom as there are more, so that all parts are there. */
class Spread<T> {
  examples: T[] = [];
  #every = 1;
  #seen = 0;

  add(example: T): void {
    if (this.#seen++ % this.#every !== 0) return;
    this.examples.push(example);
    if (this.examples.length < MOST_EXAMPLES) return;
    this.examples = this.examples.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }
}

/** Files that grow side by side and get their names together. */
class FileSet {
  readonly #files = new Map<string, AtomicFile>();

  async append(path: string, bytes: Uint8Array): Promise<void> {
    const file = this.#files.get(path) ?? (await AtomicFile.create(path));
    this.#files.set(path, file);
    await file.write(bytes);
  }

  async commit(): Promise<void> {
    for (const file of this.#files.values()) await file.commit();
  }

  async discard(): Promise<void> {
    for (const file of this.#files.values()) await file.discard();
  }
}
