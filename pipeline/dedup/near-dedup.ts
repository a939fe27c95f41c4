import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DropLog } from "../evidence/drop-log.ts";
import type { Rejects } from "../evidence/evidence.ts";
import { type Journal, SHARD_ENDING, type Unit } from "../journal.ts";
import { readLineBlocks } from "../readers/lines.ts";
import { openBytes } from "../readers/open.ts";
import type { JobContext } from "../runtime/command.ts";
import { exists, type FileRecord } from "../runtime/files.ts";
import { fingerprint } from "../runtime/manifest.ts";
import { ShardWriter } from "../shard-writer.ts";
import { countDrop, stepOf } from "../statistics.ts";
import { findNearDuplicates } from "./near-duplicates.ts";

const NEAR_DEDUP_STEP = "near-dedup";

interface NearDedupState {
  readonly out: string;
  readonly journal: Journal;
  readonly rejects: Rejects;
  readonly fileOf: (dataset: string, input: number) => string;
}

/** The units of one data set, in order. */
export interface DatasetUnits {
  readonly dataset: string;
  readonly units: readonly Unit[];
}

/**
 * Drops near-duplicates from the shards of all data sets and returns the units as they are then. Of a cluster
 * the document that comes first is kept. Shards that lose documents are written anew under another name, so
 * a run killed at any moment finds the old ones; `removeReplaced` ends it. What a run with fewer data sets wrote
 * is used again, and only shards that lose more are written once more.
 */
export async function dropNearDuplicates(
  datasets: readonly DatasetUnits[],
  state: NearDedupState,
  context: JobContext,
): Promise<DatasetUnits[]> {
  const files = datasets.flatMap(({ units }) =>
    units.map((unit) => ({ path: state.journal.bandsPath(unit), documents: unit.shard?.documents ?? 0 })),
  );
  const total = files.reduce((sum, { documents }) => sum + documents, 0);
  const task = context.progress.start({ label: "finding near-duplicates", unit: "documents", total });
  const clusters = await findNearDuplicates(files, { signal: context.signal });

  let first = 0;
  let dropped = 0;
  const result: DatasetUnits[] = [];
  for (const { dataset, units } of datasets) {
    const deduplicated: Unit[] = [];
    for (const [index, unit] of units.entries()) {
      context.signal.throwIfAborted();
      const documents = unit.shard?.documents ?? 0;
      const duplicates: number[] = [];
      for (let i = 0; i < documents; i++) if (clusters.isDuplicate(first + i)) duplicates.push(i);
      deduplicated.push(await withoutDuplicates(unit, duplicates, { ...state, index }));
      dropped += duplicates.length;
      first += documents;
      task.advance(documents);
    }
    result.push({ dataset, units: deduplicated });
  }
  task.done(`${dropped} of ${total} documents dropped`);
  return result;
}

const SHARD = /-\d{5}(?:\.lines)?(?:-[0-9a-f]{8})?\.jsonl\.zst$/;

/** Removes the shards that others took the place of. Called when the manifest that names the new ones stands. */
export async function removeReplaced(
  out: string,
  shards: readonly { readonly file: string }[],
): Promise<void> {
  const kept = new Set(shards.map(({ file }) => file));
  for (const name of await readdir(out))
    if (SHARD.test(name) && !kept.has(name)) await rm(join(out, name), { force: true });
}

interface Place extends NearDedupState {
  /** The unit's index in its data set. */
  readonly index: number;
}

/** A unit without those of its documents, by their place in it, that are duplicates. */
async function withoutDuplicates(
  unit: Unit,
  dropped: number[],
  { out, journal, rejects, fileOf, index }: Place,
): Promise<Unit> {
  const statistics = structuredClone(unit.statistics);
  const step = stepOf(statistics, NEAR_DEDUP_STEP);
  const { shard, ...rest } = unit;
  if (shard === undefined) return { ...rest, statistics };
  step.documentsIn += shard.documents;
  if (dropped.length === 0) {
    step.bytesIn += shard.textBytes;
    step.bytesOut += shard.textBytes;
    return { ...unit, statistics };
  }
  const earlier = await journal.readDeduplicated(unit.dataset, index);
  if (earlier !== undefined && isSame(earlier.dropped, dropped)) return earlier.unit;

  // what an earlier run of fewer data sets dropped stays dropped: clusters only grow
  const isOriginal = earlier === undefined || (await exists(join(out, shard.file)));
  const from = isOriginal ? shard : (earlier.unit.shard as NonNullable<Unit["shard"]>);
  const gone = new Set(isOriginal ? [] : earlier.dropped);
  const places = Array.from({ length: shard.documents }, (_, i) => i).filter((i) => !gone.has(i));
  const isDropped = new Set(dropped);
  const name = nameOf(dropped);
  const file = shard.file.replace(SHARD_ENDING, `-${name}${SHARD_ENDING}`);
  const drops = await DropLog.create({
    path: journal.archivePath(unit.dataset, index, name),
    rejects,
    fileOf,
  });
  const { record, removed, evidence } = await rewriteShard(join(out, from.file), join(out, file), {
    isDuplicate: (i) => isDropped.has(places[i] as number),
    drops,
  });
  const left = {
    documents: shard.documents - dropped.length,
    textBytes: from.textBytes - removed.textBytes,
    characters: from.characters - removed.characters,
  };
  countDrop(step, "near-duplicate", dropped.length);
  step.bytesIn += left.textBytes;
  step.bytesOut += left.textBytes;
  statistics.documentsKept = left.documents;
  statistics.textBytesKept = left.textBytes;
  statistics.charactersKept = left.characters;
  const result = {
    ...rest,
    statistics,
    ...(record === undefined ? {} : { shard: { file, ...left, ...record } }),
  };
  const before = isOriginal ? { rejects: [], archives: [] } : earlier.evidence;
  await journal.writeDeduplicated(index, {
    dropped,
    unit: result,
    evidence: {
      rejects: [...before.rejects, ...evidence.rejects],
      archives: [...before.archives, ...evidence.archives],
      traces: [],
    },
  });
  return result;
}

const isSame = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** Names a shard by what it lacks: it never has the name of one that lacks something else. */
const nameOf = (dropped: readonly number[]) => fingerprint(dropped).slice(0, 8);

interface Rewritten {
  /** Absent when no document was left. */
  readonly record: FileRecord | undefined;
  readonly removed: { readonly textBytes: number; readonly characters: number };
  readonly evidence: Awaited<ReturnType<DropLog["commit"]>>;
}

/** Copies a shard's lines but for the duplicates. */
async function rewriteShard(
  from: string,
  to: string,
  { isDuplicate, drops }: { readonly isDuplicate: (index: number) => boolean; readonly drops: DropLog },
): Promise<Rewritten> {
  const removed = { textBytes: 0, characters: 0 };
  let writer: ShardWriter | undefined;
  let index = 0;
  try {
    for await (const { bytes } of readLineBlocks(openBytes(from))) {
      const pieces: Uint8Array[] = [];
      /** Where the lines begin that are kept and not in `pieces` yet. */
      let piece = 0;
      for (let start = 0; start < bytes.length; index++) {
        const end = bytes.indexOf(10, start) + 1;
        if (isDuplicate(index)) {
          if (start > piece) pieces.push(bytes.subarray(piece, start));
          piece = end;
          const line = Buffer.from(bytes.subarray(start, end)).toString();
          const document: { text: string; meta: { id: string; source: string } } = JSON.parse(line);
          removed.textBytes += Buffer.byteLength(document.text);
          removed.characters += document.text.length;
          drops.addDocument(NEAR_DEDUP_STEP, "near-duplicate", () => document);
        }
        start = end;
      }
      if (piece < bytes.length) pieces.push(bytes.subarray(piece));
      for (const lines of pieces) {
        writer ??= await ShardWriter.create(to);
        await writer.write(lines);
      }
      await drops.settle();
    }
    return { record: await writer?.commit(), removed, evidence: await drops.commit() };
  } finally {
    await writer?.discard();
    await drops.discard();
  }
}
