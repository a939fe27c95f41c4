import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RejectSample } from "../clean.ts";
import type { Journal, Unit } from "../journal.ts";
import { readLineBlocks } from "../readers/lines.ts";
import { openBytes } from "../readers/open.ts";
import type { JobContext } from "../runtime/command.ts";
import type { FileRecord } from "../runtime/files.ts";
import { ShardWriter } from "../shard-writer.ts";
import { countDrop, stepOf } from "../statistics.ts";
import type { Clusters } from "./clusters.ts";
import { findNearDuplicates } from "./near-duplicates.ts";

export const NEAR_DEDUP_STEP = "near-dedup";

/** The units of one data set, in order. */
export interface DatasetUnits {
  readonly dataset: string;
  readonly units: readonly Unit[];
}

/**
 * Drops near-duplicates from the shards of all data sets and returns the units as they are then. Of a cluster
 * the document that comes first is kept. Shards that lose documents are written anew under another name, so
 * a run killed at any moment finds the old ones and does the same again; `removeReplaced` ends it.
 */
export async function dropNearDuplicates(
  datasets: readonly DatasetUnits[],
  { out, journal }: { readonly out: string; readonly journal: Journal },
  context: JobContext,
): Promise<DatasetUnits[]> {
  const files = datasets.flatMap(({ dataset, units }) =>
    units.map(({ shard }, index) => ({
      path: journal.bandsPath(dataset, index),
      documents: shard?.documents ?? 0,
    })),
  );
  const total = files.reduce((sum, { documents }) => sum + documents, 0);
  const task = context.progress.start({ label: "finding near-duplicates", unit: "documents", total });
  const clusters = await findNearDuplicates(files, { signal: context.signal });

  let first = 0;
  let dropped = 0;
  const result: DatasetUnits[] = [];
  for (const { dataset, units } of datasets) {
    const deduplicated: Unit[] = [];
    for (const unit of units) {
      context.signal.throwIfAborted();
      const documents = unit.shard?.documents ?? 0;
      const rest = await withoutDuplicates(unit, first, clusters, out);
      dropped += documents - (rest.shard?.documents ?? 0);
      deduplicated.push(rest);
      first += documents;
      task.advance(documents);
    }
    result.push({ dataset, units: deduplicated });
  }
  task.done(`${dropped} of ${total} documents dropped`);
  return result;
}

/** Removes the shards that near-dedup wrote anew. Called when the manifest that names the new ones stands. */
export async function removeReplaced(
  out: string,
  before: readonly DatasetUnits[],
  after: readonly { readonly file: string }[],
): Promise<void> {
  const kept = new Set(after.map(({ file }) => file));
  for (const { shard } of before.flatMap(({ units }) => units)) {
    if (shard !== undefined && !kept.has(shard.file)) await rm(join(out, shard.file), { force: true });
  }
}

async function withoutDuplicates(unit: Unit, first: number, clusters: Clusters, out: string): Promise<Unit> {
  const statistics = structuredClone(unit.statistics);
  const step = stepOf(statistics, NEAR_DEDUP_STEP);
  const { shard, ...rest } = unit;
  if (shard === undefined) return { ...rest, statistics };
  step.documentsIn += shard.documents;
  const isDuplicate = (index: number) => clusters.isDuplicate(first + index);
  let duplicates = 0;
  for (let i = 0; i < shard.documents; i++) if (isDuplicate(i)) duplicates += 1;
  step.charactersIn += shard.characters;
  step.charactersOut += shard.characters;
  if (duplicates === 0) return { ...unit, statistics };

  countDrop(step, "near-duplicate", duplicates);
  const file = shard.file.replace(/\.jsonl\.zst$/, "-unique.jsonl.zst");
  const { record, removed, rejects } = await rewriteShard(
    join(out, shard.file),
    join(out, file),
    isDuplicate,
  );
  step.charactersIn -= removed.characters;
  step.charactersOut -= removed.characters;
  statistics.documentsKept -= duplicates;
  statistics.textBytesKept -= removed.textBytes;
  statistics.charactersKept -= removed.characters;
  const left = {
    file,
    documents: shard.documents - duplicates,
    textBytes: shard.textBytes - removed.textBytes,
    characters: shard.characters - removed.characters,
  };
  return {
    ...rest,
    statistics,
    rejects: [...unit.rejects, ...rejects],
    ...(record === undefined ? {} : { shard: { ...left, ...record } }),
  };
}

interface Rewritten {
  /** Absent when no document was left. */
  readonly record: FileRecord | undefined;
  readonly removed: { readonly textBytes: number; readonly characters: number };
  readonly rejects: RejectSample["sample"];
}

/** Copies a shard's lines but for the duplicates. */
async function rewriteShard(
  from: string,
  to: string,
  isDuplicate: (index: number) => boolean,
): Promise<Rewritten> {
  const sample = new RejectSample();
  const removed = { textBytes: 0, characters: 0 };
  let writer: ShardWriter | undefined;
  let index = 0;
  try {
    for await (const { bytes } of readLineBlocks(openBytes(from))) {
      for (let start = 0; start < bytes.length; index++) {
        const end = bytes.indexOf(10, start) + 1;
        const line = bytes.subarray(start, end);
        start = end;
        if (!isDuplicate(index)) {
          writer ??= await ShardWriter.create(to);
          await writer.write(line);
          continue;
        }
        const { text, meta }: { text: string; meta: { id: string } } = JSON.parse(
          Buffer.from(line).toString(),
        );
        removed.textBytes += Buffer.byteLength(text);
        removed.characters += text.length;
        sample.add(
          Number(meta.id.slice(meta.id.lastIndexOf(":") + 1)),
          NEAR_DEDUP_STEP,
          "near-duplicate",
          () => text,
        );
      }
    }
    return { record: await writer?.commit(), removed, rejects: sample.sample };
  } finally {
    await writer?.discard();
  }
}
