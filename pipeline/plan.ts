import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { SourceFormat } from "./datasets-config.ts";
import type { IngestPlan } from "./ingest.ts";
import { exists } from "./runtime/files.ts";
import { formatBytes } from "./runtime/sizes.ts";
import { formatTable } from "./runtime/table.ts";
import type { Dataset } from "./sources/dataset.ts";
import { missingBytes } from "./sources/download.ts";

/** Polish text to its zstd form; measured 3.65 on dirty text and prose to 5.1 on documentation (2026-11). */
const TEXT_RATIO = 3.65;
/**
 * What a byte of compressed input becomes on disk at most: its clean shard, the copy that near-dedup makes of
 * it before the first goes, and 176 bytes of keys and band hashes for each document of 2.85 kB of text.
 */
const WRITTEN_PER_BYTE = 2 + (TEXT_RATIO * 176) / 2850;

/** A disk that the run writes to. */
export interface DiskNeed {
  readonly folders: readonly string[];
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** What a run would read, fetch and write. */
export interface PlanFigures {
  readonly datasets: number;
  /** Size of the inputs as they are stored, as far as it is known. */
  readonly inputBytes: number;
  /** Files whose size their server does not tell. */
  readonly unknownSizes: number;
  readonly downloads: number;
  readonly downloadBytes: number;
  /** Files that are read without a stored copy. */
  readonly streamed: number;
  readonly failed: IngestPlan["failed"];
  readonly disks: readonly DiskNeed[];
  /** Whether all of it fits. */
  readonly isRoomEnough: boolean;
}

/** Adds up a plan, and looks at the disks it would fill. */
export async function measurePlan(
  { datasets, downloads, failed, config, policy }: IngestPlan,
  { out, limit = Number.POSITIVE_INFINITY }: { out: string; limit?: number | undefined },
): Promise<PlanFigures> {
  const inputs = datasets.flatMap((dataset) => dataset.inputs);
  const downloadBytes = await missingBytes(downloads);
  const compressed = inputs.reduce(
    (sum, { bytes, format }) => sum + bytes / (isCompressed(format) ? 1 : TEXT_RATIO),
    0,
  );
  const written = Math.min(compressed, limit / TEXT_RATIO) * WRITTEN_PER_BYTE;
  const needs = [
    { folder: resolve(config.folder, config.downloads), bytes: downloadBytes },
    { folder: resolve(out), bytes: Math.ceil(written) },
  ].filter(({ bytes }) => bytes > 0);
  const disks = await byDisk(needs, policy.freeBytes);
  return {
    datasets: datasets.length,
    inputBytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
    unknownSizes: inputs.filter(({ bytes }) => bytes === 0).length,
    downloads: downloads.length,
    downloadBytes,
    streamed: inputs.filter(({ url }) => url !== undefined).length,
    failed,
    disks,
    isRoomEnough: disks.every(({ neededBytes, freeBytes }) => neededBytes + policy.reserveBytes <= freeBytes),
  };
}

/** The plan for people: a row a data set, then the sums. */
export function describePlan({ datasets, downloads }: IngestPlan, figures: PlanFigures): string {
  const fetched = new Set(downloads.map(({ dataset }) => dataset));
  const rows = datasets.map((dataset) => [
    dataset.name,
    dataset.group,
    dataset.profile,
    dataset.licence.slice(0, 30),
    sizeOf(dataset),
    fetched.has(dataset.name)
      ? "to fetch"
      : dataset.inputs.some(({ url }) => url !== undefined)
        ? "streamed"
        : "here",
  ]);
  const unknown = figures.unknownSizes > 0 ? `, and ${figures.unknownSizes} files of unknown size` : "";
  return [
    formatTable([["data set", "group", "profile", "licence", "size", "where"], ...rows]),
    "",
    ...figures.failed.map(({ dataset, message }) => `left out: ${dataset} (${message})`),
    `${figures.datasets} data sets, ${formatBytes(figures.inputBytes)} to read${unknown}; ${formatBytes(figures.downloadBytes)} to fetch`,
    ...figures.disks.map(
      ({ folders, neededBytes, freeBytes }) =>
        `${folders.join(" and ")}: at most about ${formatBytes(neededBytes)} will be written, ${formatBytes(freeBytes)} are free`,
    ),
    ...(figures.isRoomEnough ? [] : ["not enough room: choose other folders, fewer data sets, or a --limit"]),
  ].join("\n");
}

function sizeOf({ inputs }: Dataset): string {
  const isKnown = inputs.every(({ bytes }) => bytes > 0);
  return isKnown ? formatBytes(inputs.reduce((sum, { bytes }) => sum + bytes, 0)) : "unknown";
}

const isCompressed = (format: SourceFormat) => /gz|zst|bz2|parquet/.test(format);

/** Joins what is written to one disk, which the folders share. */
async function byDisk(
  needs: readonly { folder: string; bytes: number }[],
  freeBytes: (folder: string) => Promise<number>,
): Promise<DiskNeed[]> {
  const disks = new Map<number, DiskNeed>();
  for (const { folder, bytes } of needs) {
    const there = await existingParent(folder);
    const { dev } = await stat(there);
    const known = disks.get(dev) ?? { folders: [], neededBytes: 0, freeBytes: await freeBytes(there) };
    disks.set(dev, { ...known, folders: [...known.folders, folder], neededBytes: known.neededBytes + bytes });
  }
  return [...disks.values()];
}

async function existingParent(folder: string): Promise<string> {
  let parent = folder;
  while (!(await exists(parent)) && dirname(parent) !== parent) parent = dirname(parent);
  return parent;
}
