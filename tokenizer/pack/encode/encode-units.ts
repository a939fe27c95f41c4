import { join } from "node:path";
import { z } from "zod";
import type { JobContext } from "../../../pipeline/runtime/command.ts";
import { type FreeBytes, requireSpace } from "../../../pipeline/runtime/disk-space.ts";
import { exists } from "../../../pipeline/runtime/files.ts";
import { readJson, writeJson } from "../../../pipeline/runtime/manifest.ts";
import { describeScratch, type Scratch } from "../rows/row-sources.ts";
import { type ShuffleOptions, type UnitIndex, unitIndexSchema } from "../rows/unit-rows.ts";
import { BlockPool } from "./block-pool.ts";
import type { Encoders, PackUnitTask } from "./encoders.ts";
import { type HashedCorpus, listUnits, UNIT_BYTES, type Unit, type UnitListener } from "./units.ts";

/** A unit whose rows lie in its scratch file. */
export interface FinishedUnit extends Scratch {
  readonly fileIndex: number;
  readonly rejectedLines: number;
}

export interface EncodeTarget {
  readonly out: string;
  /** Folder for scratch files and marks of finished units. */
  readonly work: string;
  readonly shuffle: ShuffleOptions;
  readonly free: FreeBytes;
}

/** What is remembered of a finished unit, and of a file all of whose units are known. */
const unitMark = z.strictObject({ index: unitIndexSchema, rejectedLines: z.number(), fileIndex: z.number() });
const fileMark = z.strictObject({ units: z.number() });

/** First pass: every unit of the corpus becomes a scratch file of sorted rows; finished units are passed over. */
export async function encodeUnits(
  corpus: HashedCorpus,
  encoders: Encoders,
  target: EncodeTarget,
  { progress, signal }: JobContext,
): Promise<FinishedUnit[]> {
  const { work, shuffle } = target;
  const idBytes = shuffle.wide ? 4 : 2;
  const total = corpus.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = progress.start({ label: "encoding", unit: "bytes", total });
  const sent: Unit[] = [];
  const blocks = new BlockPool(UNIT_BYTES);
  let units = 0;
  let scratchBytes = 0;

  const listener: UnitListener = {
    skip: allUnitsDone,
    onFile: (fileIndex, count) => writeJson(filePath(work, fileIndex), { units: count }),
    onBytes: (bytes) => task.advance(bytes),
  };

  async function* waiting(): AsyncGenerator<PackUnitTask> {
    for await (const unit of listUnits(corpus, blocks, listener)) {
      units = unit.unit + 1;
      const path = scratchPath(work, unit.unit);
      if (await exists(markOf(path))) {
        if (unit.lines !== undefined) blocks.giveBack(unit.lines);
        continue;
      }
      sent.push(unit);
      yield { unit: unit.unit, file: unit.file, shuffle, path, ...linesOf(unit) };
    }
  }

  async function allUnitsDone(fileIndex: number, firstUnit: number): Promise<number | undefined> {
    const path = filePath(work, fileIndex);
    if (!(await exists(path))) return undefined;
    const { units: count } = await readJson(path, fileMark);
    for (let unit = firstUnit; unit < firstUnit + count; unit++) {
      if (!(await exists(markOf(scratchPath(work, unit))))) return undefined;
    }
    units = firstUnit + count;
    return count;
  }

  for await (const { index, rejectedLines } of encoders.encode(waiting(), signal)) {
    const { unit, fileIndex, oversizedLines, lines } = sent.shift() as Unit;
    if (lines !== undefined) blocks.giveBack(lines);
    const mark = { index, rejectedLines: rejectedLines + oversizedLines, fileIndex };
    await writeJson(markOf(scratchPath(work, unit)), mark);
    scratchBytes += storedTokens(index, shuffle.seqLen) * idBytes;
    // What lies in scratch files will be written once more; sooner known is less lost.
    await requireSpace(target.out, scratchBytes, "the shards of what is encoded", target.free);
  }
  task.done();
  return await readUnits(corpus, work, units);
}

/** Reads the marks of all units: a run that was killed and one that was not go on from the same facts. */
async function readUnits(corpus: HashedCorpus, work: string, count: number): Promise<FinishedUnit[]> {
  const units: FinishedUnit[] = [];
  for (let unit = 0; unit < count; unit++) {
    const path = scratchPath(work, unit);
    const { index, fileIndex, rejectedLines } = await readJson(markOf(path), unitMark);
    const scratch = describeScratch(path, corpus.files[fileIndex]!.group, index);
    units.push({ ...scratch, fileIndex, rejectedLines });
  }
  return units;
}

const linesOf = ({ lines }: Unit) => (lines === undefined ? {} : { lines });

const storedTokens = ({ splits, tails }: UnitIndex, seqLen: number): number =>
  (splits.train.rows + splits.validation.rows) * seqLen + tails.train + tails.validation;

const scratchPath = (work: string, unit: number) => join(work, `${String(unit).padStart(6, "0")}.rows`);
const markOf = (scratch: string) => `${scratch}.json`;
const filePath = (work: string, fileIndex: number) => join(work, `file-${fileIndex}.json`);
