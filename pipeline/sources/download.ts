import { createWriteStream } from "node:fs";
import { mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import PQueue from "p-queue";
import type { JobContext } from "../runtime/command.ts";
import { UserError } from "../runtime/errors.ts";
import { exists, syncFolder } from "../runtime/files.ts";
import type { ProgressTask } from "../runtime/progress.ts";
import type { Download } from "./dataset.ts";

/** Polite to the mirror, and enough to fill a home line. */
const CONCURRENT_DOWNLOADS = 4;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1000;

/** Fetches what is not here yet; a download that broke off goes on where it stopped. */
export async function downloadAll(downloads: readonly Download[], context: JobContext): Promise<void> {
  if (downloads.length === 0) return;
  const total = downloads.reduce<number | undefined>(
    (sum, { bytes }) => (sum === undefined || bytes === undefined ? undefined : sum + bytes),
    0,
  );
  const task = context.progress.start({
    label: `downloading ${downloads.length} files`,
    unit: "bytes",
    ...(total === undefined ? {} : { total }),
  });
  const queue = new PQueue({ concurrency: CONCURRENT_DOWNLOADS });
  await Promise.all(
    downloads.map((download) => queue.add(() => downloadFile(download, task, context.signal))),
  );
  task.done();
}

/** Fetches a small text such as a manifest. */
export async function fetchText(url: string): Promise<string> {
  const response = await request(url, {});
  return await response.text();
}

async function downloadFile(download: Download, task: ProgressTask, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptDownload(download, task, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UserError || attempt === ATTEMPTS) throw error;
      const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()); // jitter: no stampede on a mirror
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

async function attemptDownload(download: Download, task: ProgressTask, signal: AbortSignal): Promise<void> {
  const partial = `${download.path}.partial`;
  await mkdir(dirname(download.path), { recursive: true });
  const have = (await exists(partial)) ? (await stat(partial)).size : 0;
  const response = await request(download.url, {
    signal,
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
  });
  const resumed = response.status === 206;
  if (response.body === null) throw new Error(`${download.url}: empty answer`);
  const counted = Readable.fromWeb(response.body).on("data", (chunk: Uint8Array) =>
    task.advance(chunk.length),
  );
  await pipeline(counted, createWriteStream(partial, { flags: resumed ? "a" : "w" }), { signal });

  const { size } = await stat(partial);
  if (download.bytes !== undefined && size !== download.bytes) {
    throw new UserError(
      `${download.url}: got ${size} bytes, its manifest states ${download.bytes}; remove ${partial} and try again`,
    );
  }
  const handle = await open(partial, "r+");
  await handle.sync();
  await handle.close();
  await rename(partial, download.path);
  await syncFolder(dirname(download.path));
}

async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new DownloadError(`${url}: cannot be reached (${cause}); check the address and your connection`);
  }
  if (response.ok) return response;
  await response.body?.cancel();
  const message = `${url}: the server answers ${response.status} ${response.statusText}`;
  if (response.status >= 500 || response.status === 429) throw new DownloadError(message);
  throw new UserError(`${message}; check baseUrl and the name in datasets.yaml`);
}

/** A failure that may pass: tried again, and in the end the user's connection rather than our bug. */
class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly exitCode = 1;
}
