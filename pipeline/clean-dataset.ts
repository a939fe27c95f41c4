import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { READ_STEP, RejectSample } from "./clean.ts";
import type { CleanResult, CleanTask } from "./clean.worker.ts";
import type { KeySet } from "./dedup/key-set.ts";
import { BANDS } from "./dedup/minhash.ts";
import { type Journal, type Unit, unitName } from "./journal.ts";
import { CorruptInput } from "./readers/corrupt-input.ts";
import { openDocuments } from "./readers/documents.ts";
import { type LineBlock, readLineBlocks } from "./readers/lines.ts";
import type { JobContext } from "./runtime/command.ts";
import type { ProgressTask } from "./runtime/progress.ts";
import type { WorkerPool } from "./runtime/workers.ts";
import { ShardWriter } from "./shard-writer.ts";
import type { Dataset, InputFile } from "./sources/dataset.ts";
import { readRemote } from "./sources/remote-input.ts";
import type { TransferPolicy } from "./sources/transfer-policy.ts";
import { addStatistics, countDrop, emptyStatistics, type Statistics, stepOf } from "./statistics.ts";
import type { Trace } from "./trace.ts";

/** The last step: it needs to see all documents in order, so it runs here and not in the workers. */
const DEDUP_STEP = "exact-dedup";

/** Where one run of ingest keeps what all its data sets share. */
export interface CleaningState {
  readonly out: string;
  readonly pool: WorkerPool<CleanTask, CleanResult>;
  readonly journal: Journal;
  readonly seen: KeySet;
  readonly shardTextBytes: number;
  /** How remote files are read that are not stored. */
  readonly policy: TransferPolicy;
  /** Changes kept as evidence, for each step and unit. */
  readonly traces: number;
  /** Time spent in each step by this run, in milliseconds; summed over workers. */
  readonly milliseconds: Record<string, number>;
  /** Uncompressed bytes that may still be read; `Infinity` without `--limit`. */
  budget: number;
}

/**
 * Cleans all inputs of a data set, going on behind what an earlier run finished.
 *
 * @returns the data set's units, finished now or before
 * @throws CorruptInput with the input's path when one cannot be read to its end
 */
export async function cleanDataset(
  dataset: Dataset,
  index: number,
  state: CleaningState,
  context: JobContext,
): Promise<Unit[]> {
  const units = await resumeUnits(dataset, state);
  const task = context.progress.start({
    label: `cleaning ${dataset.name}`,
    unit: "bytes",
    total: dataset.inputs.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  for (const [i, input] of dataset.inputs.entries()) {
    const done = units.filter((unit) => unit.input === i).at(-1);
    if (done?.end !== undefined) {
      task.advance(input.bytes);
    } else if (state.budget > 0) {
      await cleanInput(
        { dataset, index, input: i, linesDone: done?.linesDone ?? 0 },
        units,
        state,
        task,
        context,
      );
    }
  }
  const kept = units.reduce((sum, { statistics }) => sum + statistics.documentsKept, 0);
  const read = units.reduce((sum, { statistics }) => sum + statistics.documentsRead, 0);
  task.done(`${kept} of ${read} documents kept`);
  return units;
}

/** Reads the finished units and takes their documents into the set of seen ones. */
async function resumeUnits(dataset: Dataset, state: CleaningState): Promise<Unit[]> {
  const units = await state.journal.read(dataset.name);
  for (const [index, unit] of units.entries()) {
    for (const key of await state.journal.readKeys(dataset.name, index)) state.seen.add(key);
    state.budget -= unit.inputBytes;
  }
  return units;
}

interface Position {
  readonly dataset: Dataset;
  /** The data set's index in the workers' list. */
  readonly index: number;
  readonly input: number;
  readonly linesDone: number;
}

async function cleanInput(
  { dataset, index, input, linesDone }: Position,
  units: Unit[],
  state: CleaningState,
  task: ProgressTask,
  { signal }: JobContext,
): Promise<void> {
  const file = dataset.inputs[input] as InputFile;
  const hash = createHash("sha256");
  const bytes = openDocuments(file.path, file.format, {
    textColumn: dataset.textColumn,
    ...(file.url === undefined ? {} : { content: readRemote(file.url, state.policy, signal) }),
    onRead: (chunk) => {
      hash.update(chunk);
      task.advance(chunk.length);
    },
  });
  /** The blocks in flight, in the order their results come back. */
  const sent: LineBlock[] = [];
  let reachedLimit = false;

  async function* tasks(): AsyncGenerator<CleanTask> {
    for await (const block of readLineBlocks(bytes)) {
      if (block.firstLine <= linesDone) continue; // done by an earlier run; blocks end where they ended then
      const part = block.bytes.length > state.budget ? cutBlock(block, state.budget) : block;
      state.budget -= part.bytes.length;
      sent.push(part);
      yield { dataset: index, lines: part.bytes, firstLine: part.firstLine };
      if (state.budget <= 0) {
        reachedLimit = true;
        return;
      }
    }
  }

  const span = new Span(dataset.name, state);
  try {
    for await (const result of state.pool.map(tasks(), { signal, transfer: ({ lines }) => [lines.buffer] })) {
      const block = sent.shift() as LineBlock;
      await span.add(result, block, units.length);
      if (span.isFull) units.push(await span.commit(units.length, input));
    }
    const end = reachedLimit ? {} : { sha256: hash.digest("hex") };
    units.push(await span.commit(units.length, input, end));
  } catch (error) {
    if (error instanceof CorruptInput) throw new CorruptInput(`${file.url ?? file.path}: ${error.message}`);
    throw error;
  } finally {
    await span.discard();
  }
}

/** The whole lines of a block within `limit` bytes, and one more, so that a limit always yields something. */
function cutBlock(block: LineBlock, limit: number): LineBlock {
  const end = block.bytes.indexOf(10, Math.max(0, limit - 1));
  const bytes = end < 0 ? block.bytes : block.bytes.slice(0, end + 1);
  return { ...block, bytes, lines: bytes.reduce((lines, byte) => lines + (byte === 10 ? 1 : 0), 0) };
}

/** Results since the last finished unit, on their way to the next one. */
class Span {
  readonly #dataset: string;
  readonly #state: CleaningState;
  #writer: ShardWriter | undefined;
  #keys: bigint[] = [];
  #bands: Uint32Array[] = [];
  #statistics: Statistics = emptyStatistics([]);
  #rejects = new RejectSample();
  #traces: Trace[] = [];
  #linesDone = 0;
  #inputBytes = 0;
  #totals = { documents: 0, textBytes: 0, characters: 0 };

  constructor(dataset: string, state: CleaningState) {
    this.#dataset = dataset;
    this.#state = state;
  }

  get isFull(): boolean {
    return this.#totals.textBytes >= this.#state.shardTextBytes;
  }

  /** Takes over a block's kept documents, but for those whose text was seen before. */
  async add(result: CleanResult, block: LineBlock, unit: number): Promise<void> {
    addStatistics(this.#statistics, result.statistics);
    for (const { line, step, reason, excerpt } of result.rejects) {
      this.#rejects.add(line, step, reason, () => excerpt);
    }
    for (const trace of result.traces) {
      if (this.#traces.filter(({ step }) => step === trace.step).length < this.#state.traces)
        this.#traces.push(trace);
    }
    const { milliseconds } = this.#state;
    for (const [step, time] of Object.entries(result.milliseconds))
      milliseconds[step] = (milliseconds[step] ?? 0) + time;
    this.#inputBytes += block.bytes.length;
    this.#linesDone = block.firstLine + block.lines - 1;
    if (block.oversizedBytes !== undefined) this.#countOversized(block.oversizedBytes);

    const dedup = stepOf(this.#statistics, DEDUP_STEP);
    for (const [i, end] of result.ends.entries()) {
      const record = result.records.subarray(i === 0 ? 0 : result.ends[i - 1], end);
      const characters = result.characters[i] as number;
      dedup.documentsIn += 1;
      if (!this.#state.seen.add(result.keys[i] as bigint)) {
        countDrop(dedup, "duplicate");
        this.#rejects.add(result.lines[i] as number, DEDUP_STEP, "duplicate", () => textOf(record));
        continue;
      }
      dedup.charactersIn += characters;
      dedup.charactersOut += characters;
      this.#keys.push(result.keys[i] as bigint);
      if (result.bands.length > 0)
        this.#bands.push(result.bands.subarray(i * BANDS * 2, (i + 1) * BANDS * 2));
      this.#statistics.documentsKept += 1;
      this.#statistics.textBytesKept += result.textBytes[i] as number;
      this.#statistics.charactersKept += characters;
      this.#totals.documents += 1;
      this.#totals.textBytes += result.textBytes[i] as number;
      this.#totals.characters += characters;
      this.#writer ??= await ShardWriter.create(join(this.#state.out, shardFile(this.#dataset, unit)));
      await this.#writer.write(record);
    }
  }

  /** Makes the span durable as a unit of its own and starts the next one. */
  async commit(index: number, input: number, end?: { sha256?: string }): Promise<Unit> {
    const record = await this.#writer?.commit();
    const unit: Unit = {
      dataset: this.#dataset,
      input,
      linesDone: this.#linesDone,
      inputBytes: this.#inputBytes,
      ...(end === undefined ? {} : { end }),
      ...(record === undefined
        ? {}
        : { shard: { file: shardFile(this.#dataset, index), ...this.#totals, ...record } }),
      statistics: this.#statistics,
      rejects: this.#rejects.sample,
      traces: this.#traces,
    };
    await this.#state.journal.append(index, unit, BigUint64Array.from(this.#keys), joinRows(this.#bands));
    this.#writer = undefined;
    this.#keys = [];
    this.#bands = [];
    this.#statistics = emptyStatistics([]);
    this.#rejects = new RejectSample();
    this.#traces = [];
    this.#inputBytes = 0;
    this.#totals = { documents: 0, textBytes: 0, characters: 0 };
    return unit;
  }

  /** Drops what was written since the last unit. */
  async discard(): Promise<void> {
    await this.#writer?.discard();
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
  return `${unitName(dataset, unit)}.jsonl.zst`;
}

function joinRows(rows: readonly Uint32Array[]): Uint32Array {
  const joined = new Uint32Array(rows.length * BANDS * 2);
  for (const [i, row] of rows.entries()) joined.set(row, i * BANDS * 2);
  return joined;
}

function textOf(record: Uint8Array): string {
  const value: { text: string } = JSON.parse(Buffer.from(record).toString());
  return value.text;
}

/** Unpublishes a data set that failed: its units and shards go, as if it had not been there. */
export async function retractDataset(dataset: Dataset, state: CleaningState): Promise<void> {
  const units = await state.journal.read(dataset.name);
  await state.journal.forget(dataset.name);
  for (const { shard } of units)
    if (shard !== undefined) await rm(join(state.out, shard.file), { force: true });
}
