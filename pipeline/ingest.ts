import { basename, join } from "node:path";
import type { CleanResult, CleanTask, CleanWorkerData } from "./clean.worker.ts";
import { type CleaningState, cleanDataset, retractDataset } from "./clean-dataset.ts";
import { CLEAN_FORMAT, type CleanManifest, cleanManifestSchema } from "./clean-manifest.ts";
import { type DatasetsConfig, readDatasetsConfig } from "./datasets-config.ts";
import { removeRepeatedParts } from "./dedup/line-dedup.ts";
import { type DatasetUnits, dropNearDuplicates, removeReplaced } from "./dedup/near-dedup.ts";
import { SeenKeys } from "./dedup/seen-keys.ts";
import type { Rejects } from "./evidence/evidence.ts";
import { publishEvidence } from "./evidence/publish.ts";
import { removeArchives, requirePublished } from "./evidence/reject-frames.ts";
import { isExtension, orderBehindEarlier } from "./extension.ts";
import { Journal, type Unit } from "./journal.ts";
import { CorruptInput } from "./readers/corrupt-input.ts";
import { renderReport } from "./report/report.ts";
import { describeResult, shardsOf, sumStatistics } from "./results.ts";
import type { JobContext } from "./runtime/command.ts";
import { UserError } from "./runtime/errors.ts";
import { makeFolder, writeFileAtomic } from "./runtime/files.ts";
import { apt3Version } from "./runtime/installation.ts";
import { openJobFolder } from "./runtime/job-folder.ts";
import { fingerprint } from "./runtime/manifest.ts";
import { holdMemory } from "./runtime/memory.ts";
import { formatDuration } from "./runtime/sizes.ts";
import { WorkerPool, workerEntry } from "./runtime/workers.ts";
import { type Dataset, type InputFile, nameOfInput, type ResolvedSource } from "./sources/dataset.ts";
import { downloadAll } from "./sources/download.ts";
import { withSizesOnDisk } from "./sources/remote-input.ts";
import { resolveSources } from "./sources/resolve.ts";
import { TRANSFER_POLICY, type TransferPolicy } from "./sources/transfer-policy.ts";
import { dropsByReason } from "./statistics.ts";
import { STEPS } from "./steps/index.ts";

export interface IngestOptions {
  /** Path of datasets.yaml. */
  readonly config: string;
  /** Output folder. */
  readonly out: string;
  /** Sources or data sets to read; all (but `onlyByName` ones) when undefined. */
  readonly only?: readonly string[] | undefined;
  /** Uncompressed bytes to read at most. */
  readonly limit?: number | undefined;
  /** Bytes a second for all downloads together, instead of the configuration's. */
  readonly bandwidth?: number | undefined;
  readonly workers: number;
  /** Whether near-duplicates are dropped too; they are unless this is false. */
  readonly nearDedup?: boolean;
  /** Changes written out as evidence, for each step and shard. */
  readonly traces?: number;
  /** Whether dropped documents are written out as excerpts, a few for each reason, or all of them whole. */
  readonly rejects?: Rejects | undefined;
  /** Text bytes after which a shard is closed. */
  readonly shardTextBytes?: number;
  /** Keys of documents that are held in memory before they go to disk. */
  readonly recentKeys?: number | undefined;
}

/** Small enough that a kill costs a few seconds of work and later stages have enough units to share out. */
const SHARD_TEXT_BYTES = 64_000_000;
/** Of each worker: between 12 MB and V8's own choice (48) time and peak memory differ by no more than runs do (2026-11). */
const YOUNG_HEAP_MEGABYTES = 32;
/** Enough for the report to show what each step does. */
const TRACES = 3;

export interface IngestPlan extends ResolvedSource {
  readonly config: DatasetsConfig;
  readonly policy: TransferPolicy;
}

/** Everything the configuration names, found and counted, before anything but manifests is read or fetched. */
export async function planIngest(
  options: Pick<IngestOptions, "config" | "only" | "limit" | "bandwidth">,
  { signal, progress }: JobContext,
): Promise<IngestPlan> {
  const config = await readDatasetsConfig(options.config);
  const policy: TransferPolicy = {
    ...TRANSFER_POLICY,
    bytesPerSecond: options.bandwidth ?? config.bandwidth,
    onPause: ({ message }, milliseconds) =>
      progress.log(`${message}; trying again in ${formatDuration(milliseconds / 1000)}`),
  };
  const preferStreams = options.limit !== undefined;
  const resolved = await resolveSources(config, { only: options.only, preferStreams, policy, signal });
  if (resolved.datasets.length === 0) {
    throw new UserError(
      resolved.failed[0]?.message ?? `${options.config}: no source to read; name one with --only`,
    );
  }
  return { ...resolved, config, policy };
}

/**
 * Reads, repairs, cleans, selects and deduplicates the configured texts into `out`.
 * The same call after a kill continues and ends with the same bytes; a call with more data sets goes on behind
 * those that are done.
 *
 * @throws UserError for what is wrong with the configuration, the folder, or with all inputs
 */
export async function ingest(options: IngestOptions, context: JobContext): Promise<CleanManifest> {
  // 1. What there is to read
  const { config, policy, ...planned } = await planIngest(options, context);
  await makeFolder(options.out); // one that cannot be made is told before hours of downloads
  const failed = [...planned.failed, ...(await downloadAll(planned.downloads, context, policy))];
  const isHere = ({ name }: Dataset) => !failed.some(({ dataset }) => dataset === name);
  const here = await withSizesOnDisk(planned.datasets.filter(isHere));

  // 2. The folder, and what an earlier run of the same job, or of one with fewer data sets, left in it
  const datasets = await orderBehindEarlier(options.out, here);
  const shardTextBytes = options.shardTextBytes ?? SHARD_TEXT_BYTES;
  const nearDedup = options.nearDedup ?? true;
  const traces = options.traces ?? TRACES;
  const rejects = options.rejects ?? "sampled";
  const settings = {
    ...(options.limit === undefined ? {} : { limitBytes: options.limit }),
    shardTextBytes,
    nearDedup,
    traces,
    rejects,
    steps: STEPS.map(({ name, version }) => ({ name, version })),
  };
  const plan = datasets.map((dataset) => ({
    name: dataset.name,
    fingerprint: fingerprint(describeDataset(dataset)),
  }));
  const job = fingerprint({ format: CLEAN_FORMAT, settings, datasets: plan });
  const folder = await openJobFolder(options.out, {
    fingerprint: job,
    schema: cleanManifestSchema,
    settings: "sources, inputs, --limit or the version of a cleaning step",
    extends: (found) => isExtension(found, settings, plan),
  });
  try {
    if (folder.found?.complete) {
      const journal = await Journal.open(options.out);
      const isSameJob = folder.found.fingerprint === job;
      if (!isSameJob) await requirePublished(options.out, journal.evidenceOf(folder.found.datasets));
      await removePublished(folder.found, options.out, journal); // a kill may have left it
      if (isSameJob) return folder.found;
    }
    const manifest: CleanManifest = {
      format: CLEAN_FORMAT,
      version: apt3Version(),
      fingerprint: job,
      complete: false,
      planned: plan,
      settings,
      mix: mixOf(config.mix, datasets, options.only !== undefined),
      datasets: [],
      failed,
      shards: [],
    };
    await folder.save(manifest); // before anything else: it says whose the folder is
    const journal = await Journal.open(options.out);

    // 3. Clean one data set after the other; workers share each one's lines
    const workerData: CleanWorkerData = {
      datasets: datasets.map(({ name, thresholds, licence }) => ({ name, thresholds, licence })),
      nearDedup,
      traces,
      rejects,
    };
    const inputsOf = new Map(datasets.map(({ name, inputs }) => [name, inputs]));
    holdMemory();
    const state: CleaningState = {
      out: options.out,
      pool: new WorkerPool<CleanTask, CleanResult>({
        entry: workerEntry(import.meta.url, "./clean.worker"),
        workers: options.workers,
        workerData,
        youngHeapMegabytes: YOUNG_HEAP_MEGABYTES,
      }),
      journal,
      seen: await SeenKeys.create(join(options.out, "journal", "seen-keys"), options),
      shardTextBytes,
      policy,
      traces,
      rejects,
      fileOf: (name, input) => nameOfInput(inputsOf.get(name)?.[input] as InputFile, config.folder),
      milliseconds: {},
      budget: options.limit ?? Number.POSITIVE_INFINITY,
    };
    const cleaned: DatasetUnits[] = [];
    try {
      for (const [index, dataset] of datasets.entries()) {
        const all = await cleanOrRetract(dataset, index, state, manifest, context);
        if (all === undefined) continue;
        const units = await removeRepeatedParts(dataset, all, state, context);
        cleaned.push({ dataset: dataset.name, units });
        manifest.datasets.push(describeResult(dataset, units));
      }
    } finally {
      await state.pool.close();
      await state.seen.clear();
    }
    refuseNothing(manifest, cleaned);

    // 4. Drop near-duplicates, within and across data sets
    const unique = nearDedup ? await dropNearDuplicates(cleaned, state, context) : cleaned;

    // 5. Publish: the rejects, then the manifest that says all is there; what it replaces goes last
    const byName = new Map(datasets.map((dataset) => [dataset.name, dataset]));
    manifest.datasets = unique.map(({ dataset, units }) =>
      describeResult(byName.get(dataset) as Dataset, units),
    );
    manifest.shards = unique.flatMap(({ dataset, units }) => shardsOf(byName.get(dataset) as Dataset, units));
    const evidence = journal.evidenceOf(manifest.datasets);
    const examples = await publishEvidence(evidence, { ...state, journal: journal.folder });
    const complete = { ...manifest, complete: true };
    await writeFileAtomic(
      join(options.out, "report.html"),
      renderReport(complete, examples, state.milliseconds),
    );
    await folder.save(complete);
    await removePublished(complete, options.out, journal);
    return complete;
  } finally {
    await folder.release();
  }
}

/** Removes what a complete manifest's files took the place of: shards, and the archives of rejects. */
async function removePublished({ shards }: CleanManifest, out: string, journal: Journal): Promise<void> {
  await removeReplaced(out, shards);
  await removeArchives(journal.folder);
}

/** What of a data set decides the output's bytes. Files are known by name and size; their hashes are recorded. */
function describeDataset(dataset: Dataset): unknown {
  return {
    ...dataset,
    inputs: dataset.inputs.map(({ path, format, bytes }) => ({ file: basename(path), format, bytes })),
  };
}

/** Cleans a data set; one that cannot be read to its end is taken back whole, and the others go on. */
async function cleanOrRetract(
  dataset: Dataset,
  index: number,
  state: CleaningState,
  manifest: CleanManifest,
  context: JobContext,
): Promise<Unit[] | undefined> {
  const budget = state.budget;
  try {
    return await cleanDataset(dataset, index, state, context);
  } catch (error) {
    if (!(error instanceof CorruptInput)) throw error;
    context.progress.log(`${error.message}; nothing of ${dataset.name} is published`);
    manifest.failed.push({ dataset: dataset.name, message: error.message });
    await retractDataset(dataset, state);
    state.budget = budget;
    await restoreKeys(
      manifest.datasets.map(({ name }) => name),
      state,
    );
    return undefined;
  }
}

/** The weights of the mix; of a selection by `--only`, those of the groups that were selected. */
function mixOf(
  mix: Readonly<Record<string, number>>,
  datasets: readonly Dataset[],
  isSelection: boolean,
): Record<string, number> {
  const groups = new Set(datasets.map(({ group }) => group));
  return Object.fromEntries(Object.entries(mix).filter(([group]) => !isSelection || groups.has(group)));
}

/** An empty corpus is the user's business to know at once, not the next stage's. */
function refuseNothing({ failed, datasets }: CleanManifest, cleaned: readonly DatasetUnits[]): void {
  if (cleaned.some(({ units }) => units.some(({ shard }) => shard !== undefined))) return;
  const [first] = failed;
  if (first !== undefined) throw new UserError(`${first.message}; nothing else could be read`);
  const read = datasets.reduce((sum, { statistics }) => sum + statistics.documentsRead, 0);
  const names = datasets.map(({ name }) => name).join(", ");
  if (read === 0) throw new UserError(`${names}: no document in it; check the path and the file`);
  const [worst] = dropsByReason(sumStatistics(datasets));
  throw new UserError(`${names}: all ${read} documents were dropped, most often for ${worst?.reason}`);
}

/** Takes the documents of the data sets that stand into the set of seen ones again. */
async function restoreKeys(names: readonly string[], { journal, seen }: CleaningState): Promise<void> {
  await seen.clear();
  for (const name of names) {
    const units = await journal.read(name);
    for (let i = 0; i < units.length; i++) await seen.addAll(await journal.readKeys(name, i));
  }
}
