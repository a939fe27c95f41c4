import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CleanResult, CleanTask } from "./clean.worker.ts";
import type { SeenKeys } from "./dedup/seen-keys.ts";
import type { Rejects } from "./evidence/evidence.ts";
import type { Journal, Unit } from "./journal.ts";
import { CorruptInput } from "./readers/corrupt-input.ts";
import { MAX_DOCUMENT_BYTES, openDocuments } from "./readers/documents.ts";
import { type LineBlock, readLineBlocks } from "./readers/lines.ts";
import type { JobContext } from "./runtime/command.ts";
import type { ProgressTask } from "./runtime/progress.ts";
import type { WorkerPool } from "./runtime/workers.ts";
import type { Dataset, InputFile } from "./sources/dataset.ts";
import { readRemote } from "./sources/remote-input.ts";
import type { TransferPolicy } from "./sources/transfer-policy.ts";
import { Span } from "./span.ts";

/** Where one run of ingest keeps what all its data sets share. */
export interface CleaningState {
  readonly out: string;
  readonly pool: WorkerPool<CleanTask, CleanResult>;
  readonly journal: Journal;
  readonly seen: SeenKeys;
  readonly shardTextBytes: number;
  /** How remote files are read that are not stored. */
  readonly policy: TransferPolicy;
  /** Changes kept as evidence, for each step and unit. */
  readonly traces: number;
  readonly rejects: Rejects;
  /** How people name a data set's input. */
  readonly fileOf: (dataset: string, input: number) => string;
  /** Time spent in each step by this run, in milliseconds; summed over workers. */
  readonly milliseconds: Record<string, number>;
  /** Uncompressed bytes that may still be read; `Infinity` without `--limit`. */
  budget: number;
}

/**
 * Cleans all inputs of a data set, going on behind what an earlier run finished. A shard is filled from as many
 * inputs as it takes: thousands of small files become few shards, and workers share out the files.
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
  const start: Position = units.at(-1) ?? { input: 0, linesDone: 0 };
  for (const { bytes } of dataset.inputs.slice(0, start.input)) task.advance(bytes);
  if (start.input < dataset.inputs.length && state.budget > 0)
    await cleanInputs({ dataset, index, start }, units, state, task, context);
  const kept = units.reduce((sum, { statistics }) => sum + statistics.documentsKept, 0);
  const read = units.reduce((sum, { statistics }) => sum + statistics.documentsRead, 0);
  task.done(`${kept} of ${read} documents kept`);
  return units;
}

/** Reads the finished units and takes their documents into the set of seen ones. */
async function resumeUnits(dataset: Dataset, state: CleaningState): Promise<Unit[]> {
  const units = await state.journal.read(dataset.name);
  for (const [index, unit] of units.entries()) {
    await state.seen.addAll(await state.journal.readKeys(dataset.name, index));
    state.budget -= unit.inputBytes;
  }
  return units;
}

/** Where work goes on: an input, and how many of its lines are done. */
interface Position {
  readonly input: number;
  readonly linesDone: number;
}

interface CleaningJob {
  readonly dataset: Dataset;
  /** The data set's index in the workers' list. */
  readonly index: number;
  readonly start: Position;
}

/** A block on its way through the workers, and the input it is of. */
interface SentBlock extends LineBlock {
  readonly input: number;
  /** Length of `bytes`, which are empty here once they were transferred to a worker. */
  readonly inputBytes: number;
}

async function cleanInputs(
  { dataset, index, start }: CleaningJob,
  units: Unit[],
  state: CleaningState,
  task: ProgressTask,
  { signal }: JobContext,
): Promise<void> {
  /** The blocks in flight, in the order their results come back. */
  const sent: SentBlock[] = [];
  /** Hashes of the inputs that were read to their end; undefined for one that reached the limit. */
  const hashes = new Map<number, string | undefined>();

  async function* tasks(): AsyncGenerator<CleanTask> {
    for (let input = start.input; input < dataset.inputs.length && state.budget > 0; input++) {
      const file = dataset.inputs[input] as InputFile;
      const hash = createHash("sha256");
      const bytes = openDocuments(file.path, file.format, {
        textColumn: dataset.textColumn,
        ...(file.url === undefined
          ? {}
          : { content: readRemote({ url: file.url, bytes: file.bytes }, state.policy, signal) }),
        onRead: (chunk) => {
          hash.update(chunk);
          task.advance(chunk.length);
        },
      });
      const linesDone = input === start.input ? start.linesDone : 0;
      const name = state.fileOf(dataset.name, input);
      const source = dataset.inputs.length === 1 ? dataset.name : `${dataset.name}/${input}`;
      try {
        for await (const block of readLineBlocks(bytes, { maxLineBytes: MAX_DOCUMENT_BYTES })) {
          if (block.firstLine <= linesDone) continue; // done by an earlier run; blocks end where they ended then
          const part = block.bytes.length > state.budget ? cutBlock(block, state.budget) : block;
          state.budget -= part.bytes.length;
          sent.push({ ...part, input, inputBytes: part.bytes.length });
          yield { dataset: index, input, file: name, source, lines: part.bytes, firstLine: part.firstLine };
          if (state.budget <= 0) break;
        }
      } catch (error) {
        if (error instanceof CorruptInput)
          throw new CorruptInput(`${file.url ?? file.path}: ${error.message}`);
        throw error;
      }
      hashes.set(input, state.budget > 0 ? hash.digest("hex") : undefined);
    }
  }

  const span = new Span(dataset.name, start, state);
  try {
    for await (const result of state.pool.map(tasks(), { signal, transfer: ({ lines }) => [lines.buffer] })) {
      const block = sent.shift() as SentBlock;
      span.endInputs(block.input, hashes);
      await span.add(result, block, units.length);
      await state.seen.settle();
      if (span.isFull) units.push(await span.commit(units.length));
    }
    span.endInputs(start.input + hashes.size, hashes);
    units.push(await span.commit(units.length));
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

/** Unpublishes a data set that failed: its units and shards go, as if it had not been there. */
export async function retractDataset(dataset: Dataset, state: CleaningState): Promise<void> {
  const units = await state.journal.read(dataset.name);
  await state.journal.forget(dataset.name);
  for (const { shard } of units)
    if (shard !== undefined) await rm(join(state.out, shard.file), { force: true });
}
