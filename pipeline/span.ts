import { join } from "node:path";
import { READ_STEP } from "./clean.ts";
import type { CleanResult } from "./clean.worker.ts";
import { BAND_WORDS } from "./dedup/minhash.ts";
import type { SeenKeys } from "./dedup/seen-keys.ts";
import { DropLog } from "./evidence/drop-log.ts";
import type { Rejects, Trace } from "./evidence/evidence.ts";
import { type Journal, SHARD_ENDING, type Unit, unitName } from "./journal.ts";
import type { LineBlock } from "./readers/lines.ts";
import { freeMemory } from "./runtime/free-memory.ts";
import { returnFreePages } from "./runtime/memory.ts";
import { ShardWriter } from "./shard-writer.ts";
import { addStatistics, countDrop, emptyStatistics, type Statistics, stepOf } from "./statistics.ts";

/** The step after those of the workers: it needs to see all documents in order. */
const DEDUP_STEP = "exact-dedup";
/** A shard of short documents ends here: each has some 300 bytes of keys and band hashes in memory until then. */
const MOST_DOCUMENTS = 1 << 17;

/** What spans share with each other (see `CleaningState`). */
interface SpanState {
  readonly out: string;
  readonly journal: Journal;
  readonly seen: SeenKeys;
  readonly shardTextBytes: number;
  readonly traces: number;
  readonly rejects: Rejects;
  readonly fileOf: (dataset: string, input: number) => string;
  readonly milliseconds: Record<string, number>;
}

/** Results since the last finished unit, on their way to the next one. */
export class Span {
  readonly #dataset: string;
  readonly #state: SpanState;
  /** The input that is being read, how many of its lines are done, and those that ended in this span. */
  #input: number;
  #linesDone: number;
  #ended: Unit["ended"] = [];
  #writer: ShardWriter | undefined;
  /** Of the kept documents, as they came with the blocks. */
  #keys: BigUint64Array<ArrayBuffer>[] = [];
  #bands: Uint32Array<ArrayBuffer>[] = [];
  #statistics: Statistics = emptyStatistics([]);
  #drops: DropLog | undefined;
  #traces: Trace[] = [];
  #inputBytes = 0;
  #totals = { documents: 0, textBytes: 0, characters: 0 };

  constructor(dataset: string, start: { input: number; linesDone: number }, state: SpanState) {
    this.#dataset = dataset;
    this.#input = start.input;
    this.#linesDone = start.linesDone;
    this.#state = state;
  }

  get isFull(): boolean {
    return this.#totals.textBytes >= this.#state.shardTextBytes || this.#totals.documents >= MOST_DOCUMENTS;
  }

  /** Notes that the inputs before `next` have ended; all of their blocks were added. */
  endInputs(next: number, hashes: ReadonlyMap<number, string | undefined>): void {
    for (; this.#input < next; this.#input++) {
      const sha256 = hashes.get(this.#input);
      this.#ended.push({
        input: this.#input,
        lines: this.#linesDone,
        ...(sha256 === undefined ? {} : { sha256 }),
      });
      this.#linesDone = 0;
    }
  }

  /** Takes over a block's kept documents, but for those whose text was seen before. */
  async add(result: CleanResult, block: LineBlock & { inputBytes: number }, unit: number): Promise<void> {
    addStatistics(this.#statistics, result.statistics);
    const { journal, rejects, fileOf } = this.#state;
    const path = journal.archivePath(this.#dataset, unit, "clean");
    this.#drops ??= await DropLog.create({ path, rejects, fileOf });
    this.#drops.addBlock(result);
    for (const trace of result.traces) {
      if (this.#traces.filter(({ step }) => step === trace.step).length < this.#state.traces)
        this.#traces.push(trace);
    }
    const { milliseconds } = this.#state;
    for (const [step, time] of Object.entries(result.milliseconds))
      milliseconds[step] = (milliseconds[step] ?? 0) + time;
    this.#inputBytes += block.inputBytes;
    this.#linesDone = block.firstLine + block.lines - 1;
    if (block.oversizedBytes !== undefined) {
      this.#countOversized(block.oversizedBytes);
      const id = `${this.#dataset}/${this.#input}:${this.#linesDone}`;
      const unread = { text: "", meta: { id, source: this.#dataset } }; // it was never held
      this.#drops.addDocument(READ_STEP, "line-too-long", () => unread);
    }

    await this.#write(this.#dropDuplicates(result, this.#drops), unit);
    await this.#drops.settle();
    freeMemory(result.records, result.rejected.records);
  }

  /** Counts the kept documents and gives their records back, as pieces of `records` that are as long as can be. */
  #dropDuplicates(result: CleanResult, drops: DropLog): Uint8Array[] {
    const { records, ends, keys, bands, textBytes, characters } = result;
    const dedup = stepOf(this.#statistics, DEDUP_STEP);
    const pieces: Uint8Array[] = [];
    /** Where the documents begin that are kept and not in `pieces` yet. */
    let first = 0;
    const startOf = (document: number) => (document === 0 ? 0 : (ends[document - 1] as number));
    const take = (end: number) => {
      if (end === first) return;
      pieces.push(records.subarray(startOf(first), startOf(end)));
      this.#keys.push(keys.subarray(first, end));
      if (bands.length > 0) this.#bands.push(bands.subarray(first * BAND_WORDS, end * BAND_WORDS));
    };
    for (let i = 0; i < ends.length; i++) {
      dedup.documentsIn += 1;
      if (this.#state.seen.add(keys[i] as bigint)) {
        dedup.bytesIn += textBytes[i] as number;
        dedup.bytesOut += textBytes[i] as number;
        this.#totals.documents += 1;
        this.#totals.textBytes += textBytes[i] as number;
        this.#totals.characters += characters[i] as number;
      } else {
        countDrop(dedup, "duplicate");
        drops.addDocument(DEDUP_STEP, "duplicate", () =>
          documentOf(records.subarray(startOf(i), startOf(i + 1))),
        );
        take(i);
        first = i + 1;
      }
    }
    take(ends.length);
    return pieces;
  }

  async #write(pieces: readonly Uint8Array[], unit: number): Promise<void> {
    for (const piece of pieces) {
      this.#writer ??= await ShardWriter.create(join(this.#state.out, shardFile(this.#dataset, unit)));
      await this.#writer.write(piece);
    }
  }

  /** Makes the span durable as a unit of its own and starts the next one. */
  async commit(index: number): Promise<Unit> {
    const record = await this.#writer?.commit();
    const unit: Unit = {
      dataset: this.#dataset,
      input: this.#input,
      linesDone: this.#linesDone,
      ended: this.#ended,
      inputBytes: this.#inputBytes,
      ...(record === undefined
        ? {}
        : { shard: { file: shardFile(this.#dataset, index), ...this.#totals, ...record } }),
      statistics: {
        ...this.#statistics,
        documentsKept: this.#totals.documents,
        textBytesKept: this.#totals.textBytes,
        charactersKept: this.#totals.characters,
      },
    };
    const drops = (await this.#drops?.commit()) ?? { rejects: [], archives: [] };
    const evidence = { ...drops, traces: this.#traces };
    const keys = new BigUint64Array(this.#totals.documents);
    joinInto(keys, this.#keys);
    const bands = new Uint32Array(this.#bands.length === 0 ? 0 : this.#totals.documents * BAND_WORDS);
    joinInto(bands, this.#bands);
    await this.#state.journal.append(index, { unit, evidence }, keys, bands);
    this.#writer = undefined;
    this.#ended = [];
    this.#keys = [];
    this.#bands = [];
    this.#statistics = emptyStatistics([]);
    this.#drops = undefined;
    this.#traces = [];
    this.#inputBytes = 0;
    this.#totals = { documents: 0, textBytes: 0, characters: 0 };
    returnFreePages();
    return unit;
  }

  /** Drops what was written since the last unit. */
  async discard(): Promise<void> {
    await this.#writer?.discard();
    await this.#drops?.discard();
    this.#writer = undefined;
  }

  #countOversized(bytes: number): void {
    this.#statistics.documentsRead += 1;
    this.#statistics.bytesRead += bytes;
    this.#linesDone += 1;
    const reading = stepOf(this.#statistics, READ_STEP);
    reading.documentsIn += 1;
    countDrop(reading, "line-too-long");
  }
}

function shardFile(dataset: string, unit: number): string {
  return unitName(dataset, unit) + SHARD_ENDING;
}

function joinInto<Numbers extends Uint32Array | BigUint64Array>(
  all: Numbers,
  parts: readonly Numbers[],
): void {
  const bytes = new Uint8Array(all.buffer);
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
}

function documentOf(record: Uint8Array): { text: string; meta: { id: string; source: string } } {
  return JSON.parse(Buffer.from(record).toString());
}
