import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import PQueue from "p-queue";
import { z } from "zod";
import type { JobContext } from "../runtime/command.ts";
import { UserError } from "../runtime/errors.ts";
import { exists, hashFile, makeFolder, syncFolder, writeAll } from "../runtime/files.ts";
import { readJson, writeJson } from "../runtime/manifest.ts";
import type { ProgressTask } from "../runtime/progress.ts";
import { formatBytes } from "../runtime/sizes.ts";
import type { Download, FailedDataset } from "./dataset.ts";
import { TransferError } from "./http.ts";
import { openRemote, type RemoteVersion, type Transfer, waitOrThrow } from "./remote-file.ts";
import { Pacer, Patience, type TransferPolicy } from "./transfer-policy.ts";

/** Bytes between two looks at how much room the disk still has. */
const SPACE_CHECK_BYTES = 64_000_000;

/** Beside `NAME.partial`: which version of which file the bytes in it are of. */
const partialSchema = z.strictObject({
  url: z.string(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  bytes: z.number().optional(),
});

/**
 * Fetches what is not here yet; a download that broke off goes on where it stopped, in this run or the next.
 *
 * @returns the data sets of which a file could not be fetched, with the reason
 * @throws UserError before anything is fetched when the disk has no room for it, or later when it runs full
 */
export async function downloadAll(
  downloads: readonly Download[],
  { progress, signal }: JobContext,
  policy: TransferPolicy,
): Promise<FailedDataset[]> {
  if (downloads.length === 0) return [];
  await refuseFullDisk(downloads, policy);
  const sizes = downloads.map(({ bytes }) => bytes);
  const isTotalKnown = sizes.every((bytes) => bytes !== undefined);
  const task = progress.start({
    label: `downloading ${downloads.length} files`,
    unit: "bytes",
    ...(isTotalKnown ? { total: sizes.reduce((sum, bytes) => sum + bytes, 0) } : {}),
  });
  const pacer = new Pacer(policy.bytesPerSecond);
  const queue = new PQueue({ concurrency: policy.concurrency });
  const failed: FailedDataset[] = [];
  /** The first full disk ends all transfers, not only its own. */
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const jobs = downloads.map((download) =>
    queue.add(async () => {
      try {
        all.throwIfAborted();
        await downloadFile(download, { url: download.url, policy, pacer, signal: all }, task);
      } catch (error) {
        if (!(error instanceof TransferError)) {
          stop.abort(error);
          throw error;
        }
        progress.log(error.message);
        failed.push({ dataset: download.dataset, message: error.message });
      }
    }),
  );
  const [rejected] = (await Promise.allSettled(jobs)).filter(({ status }) => status === "rejected");
  if (rejected?.status === "rejected")
    throw signal.aborted ? signal.reason : (stop.signal.reason ?? rejected.reason);
  task.done();
  return failed;
}

/** Bytes that `downloads` will still take on disk, as far as their sizes are known. */
export async function missingBytes(downloads: readonly Download[]): Promise<number> {
  const missing = downloads.map(async ({ bytes = 0, path }) =>
    Math.max(0, bytes - (await sizeOf(`${path}.partial`))),
  );
  return (await Promise.all(missing)).reduce((sum, bytes) => sum + bytes, 0);
}

async function refuseFullDisk(downloads: readonly Download[], policy: TransferPolicy): Promise<void> {
  const folder = dirname((downloads[0] as Download).path);
  await makeFolder(folder);
  const needed = await missingBytes(downloads);
  const free = await policy.freeBytes(folder);
  if (needed + policy.reserveBytes <= free) return;
  throw new UserError(
    `${folder}: ${formatBytes(needed)} to fetch and ${formatBytes(policy.reserveBytes)} to keep free, but the disk has ${formatBytes(free)} left; choose another \`downloads\` folder, fewer data sets, or \`stream: true\``,
  );
}

async function downloadFile(download: Download, transfer: Transfer, task: ProgressTask): Promise<void> {
  await makeFolder(dirname(download.path));
  const patience = new Patience(transfer.policy);
  for (;;) {
    try {
      await attempt(download, transfer, task);
      return await finish(download);
    } catch (error) {
      await waitOrThrow(error, await sizeOf(`${download.path}.partial`), patience, transfer);
    }
  }
}

/** Brings the rest of a file, behind what earlier attempts left of the same version. */
async function attempt(download: Download, transfer: Transfer, task: ProgressTask): Promise<void> {
  const partial = `${download.path}.partial`;
  const known = await versionHere(download);
  const have = known === undefined ? 0 : await sizeOf(partial);
  if (known?.bytes !== undefined && have === known.bytes) return; // ended between the last byte and the name
  const part = await openRemote(transfer, have, known);
  if (
    download.statedBytes !== undefined &&
    part.version.bytes !== undefined &&
    part.version.bytes !== download.statedBytes
  ) {
    throw new TransferError(
      `${download.url}: the server has ${part.version.bytes} bytes, its manifest states ${download.statedBytes}`,
    );
  }
  const file = await open(partial, part.offset === 0 ? "w" : "r+");
  try {
    // the version goes to disk behind the truncation: bytes of one never stand beside the name of another
    if (part.offset === 0) await file.sync();
    await writeJson(`${partial}.json`, { url: download.url, ...part.version });
    await append(file, part.offset, part.bytes, { path: partial, policy: transfer.policy, task });
    await file.sync();
  } finally {
    await file.close();
  }
}

async function append(
  file: FileHandle,
  offset: number,
  chunks: AsyncIterable<Uint8Array>,
  { path, policy, task }: { path: string; policy: TransferPolicy; task: ProgressTask },
): Promise<void> {
  let position = offset;
  let nextCheck = position + SPACE_CHECK_BYTES;
  for await (const chunk of chunks) {
    await writeAll(file, chunk, { path, position });
    position += chunk.length;
    task.advance(chunk.length);
    if (position < nextCheck) continue;
    nextCheck = position + SPACE_CHECK_BYTES;
    const free = await policy.freeBytes(dirname(path));
    if (free < policy.reserveBytes) {
      throw new UserError(
        `${dirname(path)}: only ${formatBytes(free)} left on the disk; free some space and run the same command again, downloads go on where they stopped`,
      );
    }
  }
}

/** Checks a whole file against what was promised of it, and gives it its name. */
async function finish({ path, url, statedBytes, sha256 }: Download): Promise<void> {
  const partial = `${path}.partial`;
  const size = await sizeOf(partial);
  const problem =
    statedBytes !== undefined && size !== statedBytes
      ? `brought ${size} bytes, its manifest states ${statedBytes}`
      : sha256 !== undefined && (await hashFile(partial)).sha256 !== sha256
        ? "its SHA-256 is not the one datasets.yaml states"
        : undefined;
  if (problem !== undefined) {
    await rm(partial, { force: true });
    await rm(`${partial}.json`, { force: true });
    throw new TransferError(`${url}: ${problem}`);
  }
  await rename(partial, path);
  await syncFolder(dirname(path));
  await rm(`${partial}.json`, { force: true });
}

/** The version that the bytes fetched so far are of; undefined when nothing can be built upon. */
async function versionHere({ path, url }: Download): Promise<RemoteVersion | undefined> {
  const note = `${path}.partial.json`;
  if (!(await exists(note)) || !(await exists(`${path}.partial`))) return undefined;
  try {
    const { url: from, ...version } = await readJson(note, partialSchema);
    return from === url ? version : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined; // a damaged note: fetched from the beginning
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await exists(path)) ? (await stat(path)).size : 0;
}
