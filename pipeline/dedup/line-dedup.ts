import { readFile } from "node:fs/promises";
import { join } from "node:path";
import xxhash from "xxhash-wasm";
import { DropLog } from "../evidence/drop-log.ts";
import { placeOf, type Rejects, type Trace } from "../evidence/evidence.ts";
import { excerptChange } from "../evidence/trace.ts";
import { type Journal, SHARD_ENDING, type Unit } from "../journal.ts";
import { readLineBlocks } from "../readers/lines.ts";
import { openBytes } from "../readers/open.ts";
import { RecordBuffer } from "../record-buffer.ts";
import type { JobContext } from "../runtime/command.ts";
import { exists } from "../runtime/files.ts";
import { ShardWriter } from "../shard-writer.ts";
import type { Dataset } from "../sources/dataset.ts";
import { countDrop, stepOf } from "../statistics.ts";
import { BAND_WORDS, BANDS } from "./minhash.ts";
import { partKeys, RepeatedParts } from "./repeated-parts.ts";
import { SpilledKeys } from "./spilled-keys.ts";

const STEP = "line-dedup";

interface LineDedupState {
  readonly out: string;
  readonly journal: Journal;
  readonly traces: number;
  readonly rejects: Rejects;
  readonly fileOf: (dataset: string, input: number) => string;
}

/**
 * Takes the lines and paragraphs that stand in more documents of a data set than its thresholds allow out of all
 * of them: a site's templates. A document of which too little is left is dropped. Off unless a threshold is set,
 * since it damages poems, laws and dialogue. What is counted are documents without their exact duplicates, so the
 * result is the data set's own, whatever comes after it; near-dedup compares the texts as they were before.
 *
 * Shards are read twice, the keys between lie on disk, and memory holds those of the repeated parts only.
 */
export async function removeRepeatedParts(
  { name, thresholds }: Dataset,
  units: readonly Unit[],
  state: LineDedupState,
  { progress, signal }: JobContext,
): Promise<readonly Unit[]> {
  const { maxDocumentsPerLine, maxDocumentsPerParagraph, minCharacters } = thresholds;
  if (maxDocumentsPerLine === 0 && maxDocumentsPerParagraph === 0) return units;
  const finished = await Promise.all(units.map((_, index) => state.journal.readWithoutLines(name, index)));
  if (finished.every((unit) => unit !== undefined)) return finished;

  const total = units.reduce((sum, { shard }) => sum + (shard?.documents ?? 0), 0);
  const task = progress.start({ label: `repeated lines of ${name}`, unit: "documents", total: total * 2 });
  const { h64 } = await xxhash();
  const lines = await SpilledKeys.create(join(state.out, "journal", `${name}.line-keys`));
  const paragraphs = await SpilledKeys.create(join(state.out, "journal", `${name}.paragraph-keys`));
  for (const { shard } of units) {
    signal.throwIfAborted();
    for await (const { text } of readShard(state.out, shard)) {
      const keys = partKeys(text, thresholds, h64);
      for (const key of keys.lines) await lines.add(key);
      for (const key of keys.paragraphs) await paragraphs.add(key);
      task.advance(1);
    }
  }
  const repeated = new RepeatedParts(h64);
  for await (const key of lines.moreOftenThan(maxDocumentsPerLine)) repeated.keys.add(key);
  for await (const key of paragraphs.moreOftenThan(maxDocumentsPerParagraph)) repeated.keys.add(key);

  const result: Unit[] = [];
  for (const [index, unit] of units.entries()) {
    signal.throwIfAborted();
    result.push(finished[index] ?? (await rewriteUnit(unit, index, { repeated, minCharacters, ...state })));
    task.advance(unit.shard?.documents ?? 0);
  }
  task.done(`${repeated.keys.size} lines and paragraphs stand in too many documents`);
  return result;
}

interface ShardRecord {
  readonly text: string;
  readonly meta: { readonly id: string; readonly source: string; readonly changedBy?: readonly string[] };
}

async function* readShard(out: string, shard: Unit["shard"]): AsyncGenerator<ShardRecord> {
  if (shard === undefined) return;
  for await (const { bytes } of readLineBlocks(openBytes(join(out, shard.file)))) {
    for (const line of Buffer.from(bytes).toString().trimEnd().split("\n")) yield JSON.parse(line);
  }
}

interface RewriteState extends LineDedupState {
  readonly repeated: RepeatedParts;
  readonly minCharacters: number;
}

/** Writes a unit's shard anew, without the repeated parts, and notes that it is done. */
async function rewriteUnit(unit: Unit, index: number, state: RewriteState): Promise<Unit> {
  const { out, journal, repeated, minCharacters, traces: tracesKept } = state;
  const statistics = structuredClone(unit.statistics);
  const step = stepOf(statistics, STEP);
  const drops = await DropLog.create({
    path: journal.archivePath(unit.dataset, index, "lines"),
    rejects: state.rejects,
    fileOf: state.fileOf,
  });
  const traces: Trace[] = [];
  const kept: number[] = [];
  const totals = { textBytes: 0, characters: 0 };
  const file = unit.shard?.file.replace(SHARD_ENDING, `.lines${SHARD_ENDING}`) ?? "";
  const record = new RecordBuffer();
  let writer: ShardWriter | undefined;
  try {
    for await (const { text, meta } of readShard(out, unit.shard)) {
      const place = step.documentsIn++;
      const rest = repeated.removeFrom(text);
      if (rest !== text && rest.length <= minCharacters) {
        countDrop(step, "only-repeated-lines");
        drops.addDocument(STEP, "only-repeated-lines", () => ({ text, meta }));
        await drops.settle();
        continue;
      }
      if (rest !== text) {
        step.changed += 1;
        if (traces.length < tracesKept)
          traces.push({ ...placeOf(meta.id), step: STEP, ...excerptChange(text, rest) });
      }
      kept.push(place);
      const changed = rest === text ? meta : { ...meta, changedBy: [...(meta.changedBy ?? []), STEP] };
      record.add(rest, JSON.stringify(changed));
      const bytes = Buffer.byteLength(rest);
      step.bytesIn += rest === text ? bytes : Buffer.byteLength(text);
      step.bytesOut += bytes;
      totals.textBytes += bytes;
      totals.characters += rest.length;
      writer ??= await ShardWriter.create(join(out, file));
      await writer.write(record.take());
    }
    const written = await writer?.commit();
    const { shard, ...others } = unit;
    Object.assign(statistics, {
      documentsKept: kept.length,
      textBytesKept: totals.textBytes,
      charactersKept: totals.characters,
    });
    const result: Unit = {
      ...others,
      ...(written === undefined ? {} : { shard: { file, documents: kept.length, ...totals, ...written } }),
      statistics,
    };
    const evidence = { ...(await drops.commit()), traces };
    await journal.writeWithoutLines(index, { unit: result, evidence }, await bandsOf(unit, kept, journal));
    return result;
  } finally {
    await writer?.discard();
    await drops.discard();
  }
}

/** The band hashes of some of a unit's documents. */
async function bandsOf(unit: Unit, documents: readonly number[], journal: Journal): Promise<Uint32Array> {
  const path = journal.bandsPath(unit);
  if (unit.shard === undefined || !(await exists(path))) return new Uint32Array();
  const bytes = await readFile(path);
  const all = new Uint32Array(new Uint8Array(bytes).buffer); // copied: bytes may begin at any address
  const rows = unit.shard.documents;
  const some = new Uint32Array(documents.length * BAND_WORDS);
  for (let band = 0; band < BANDS; band++) {
    for (const [i, document] of documents.entries()) {
      const from = (band * rows + document) * 2;
      some.set(all.subarray(from, from + 2), (band * documents.length + i) * 2);
    }
  }
  return some;
}
