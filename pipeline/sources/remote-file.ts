import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { CorruptInput } from "../readers/corrupt-input.ts";
import { brokenOff, request, stalled, TransferError } from "./http.ts";
import { type Pacer, Patience, type TransferPolicy } from "./transfer-policy.ts";

/** What tells one version of a remote file from another. */
export interface RemoteVersion {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Size of the whole file. */
  readonly bytes?: number | undefined;
}

export interface Transfer {
  readonly url: string;
  readonly policy: TransferPolicy;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
}

/** An answer that brings the file's bytes from `offset` to its end. */
export interface RemotePart {
  readonly offset: number;
  readonly version: RemoteVersion;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * Asks for the rest of a file behind `offset`, but only of the version that the bytes before it came from;
 * of any other, and from a server that knows no ranges, the part begins at 0.
 *
 * @throws TransferError
 */
export async function openRemote(
  transfer: Transfer,
  offset = 0,
  version: RemoteVersion = {},
): Promise<RemotePart> {
  const condition = strongValidator(version);
  const isResumable = offset > 0 && condition !== undefined;
  const response = await request(transfer.url, {
    ...transfer,
    headers: {
      "accept-encoding": "identity",
      ...(isResumable ? { range: `bytes=${offset}-`, "if-range": condition } : {}),
    },
  });
  const found = versionOf(response);
  if (response.statusCode === 200)
    return { offset: 0, version: found, bytes: bodyOf(response, found.bytes, transfer) };
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
  const isRest =
    response.statusCode === 206 &&
    isResumable &&
    Number(range?.[1]) === offset &&
    isSameVersion(version, found);
  if (isRest) {
    const left = found.bytes === undefined ? undefined : found.bytes - offset;
    return { offset, version: found, bytes: bodyOf(response, left, transfer) };
  }
  // 416 (nothing behind the offset), another range than asked for, or another version in spite of If-Range
  response.destroy();
  if (!isResumable) throw new TransferError(`${transfer.url}: answers with a part when asked for all`);
  return await openRemote(transfer);
}

/** Size and version without the content; undefined from a server that does not tell. */
export async function inspectRemote(transfer: Transfer): Promise<RemoteVersion | undefined> {
  try {
    const response = await request(transfer.url, {
      ...transfer,
      method: "HEAD",
      headers: { "accept-encoding": "identity" },
    });
    response.resume();
    return response.statusCode === 200 ? versionOf(response) : undefined;
  } catch (error) {
    transfer.signal.throwIfAborted();
    if (error instanceof TransferError) return undefined; // the download itself will say what is wrong
    throw error;
  }
}

/**
 * A small remote file as text, such as a manifest.
 *
 * @throws TransferError, also for one of more than `maxBytes`
 */
export async function fetchText(transfer: Transfer, maxBytes: number): Promise<string> {
  const patience = new Patience(transfer.policy);
  for (;;) {
    try {
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of (await openRemote(transfer)).bytes) {
        length += chunk.length;
        if (length > maxBytes)
          throw new TransferError(`${transfer.url}: is over ${maxBytes} bytes, which no manifest is`);
        parts.push(chunk);
      }
      return Buffer.concat(parts).toString();
    } catch (error) {
      await waitOrThrow(error, 0, patience, transfer);
    }
  }
}

/**
 * The bytes of a remote file without a stored copy. A connection that breaks is taken up where it broke; when
 * the server gives no version to hold it to, the file is read again and its beginning compared by hash.
 *
 * @param expected size of the file, where it is known from elsewhere
 * @throws TransferError, and CorruptInput when the file changed on the server in between
 */
export async function* streamRemote(transfer: Transfer, expected?: number): AsyncGenerator<Uint8Array> {
  const patience = new Patience(transfer.policy);
  const hash = createHash("sha256");
  let position = 0;
  let version: RemoteVersion = {};
  for (;;) {
    try {
      const part = await openRemote(transfer, position, version);
      if (
        position > 0 &&
        part.offset === 0 &&
        strongValidator(version) !== undefined &&
        !isSameVersion(version, part.version)
      )
        throw changed();
      version = part.version;
      if (expected !== undefined && version.bytes !== undefined && version.bytes !== expected)
        throw new TransferError(`${transfer.url}: the server has ${version.bytes} bytes, not ${expected}`);
      const prefix = createHash("sha256");
      let at = part.offset;
      for await (const chunk of part.bytes) {
        const known = Math.min(chunk.length, Math.max(0, position - at));
        at += chunk.length;
        prefix.update(chunk.subarray(0, known));
        if (known > 0 && at >= position && prefix.copy().digest("hex") !== hash.copy().digest("hex"))
          throw changed();
        if (known === chunk.length) continue;
        const fresh = chunk.subarray(known);
        hash.update(fresh);
        position += fresh.length;
        yield fresh;
      }
      if (at < position) throw changed();
      if (expected !== undefined && at !== expected)
        throw new TransferError(`${transfer.url}: brought ${at} bytes, not ${expected}`);
      return;
    } catch (error) {
      await waitOrThrow(error, position, patience, transfer);
    }
  }
}

const changed = () => new CorruptInput("changed on the server while it was being read");

/** Waits when another attempt may do better. */
export async function waitOrThrow(
  error: unknown,
  reached: number,
  patience: Patience,
  { signal }: Transfer,
): Promise<void> {
  signal.throwIfAborted();
  if (!(error instanceof TransferError && error.mayPass)) throw error;
  await patience.wait(error, { reached, retryAfterMs: error.retryAfterMs }, signal);
  signal.throwIfAborted();
}

async function* bodyOf(
  response: IncomingMessage,
  expected: number | undefined,
  { url, pacer, policy, signal }: Transfer,
): AsyncGenerator<Uint8Array> {
  let got = 0;
  const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
  try {
    for (;;) {
      // only the wait for the server counts: a slow reader of ours is no stall
      const timer = setTimeout(() => response.destroy(stalled(policy)), policy.stallMs);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) break;
      got += next.value.length;
      yield next.value;
      await pacer.pass(next.value.length, signal);
      signal.throwIfAborted();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw brokenOff(url, error);
  } finally {
    response.destroy();
  }
  if (expected !== undefined && got !== expected)
    throw new TransferError(`${url}: brought ${got} bytes of ${expected}`, { mayPass: true });
}

function versionOf({ statusCode, headers }: IncomingMessage): RemoteVersion {
  const stated =
    statusCode === 206 ? /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] : headers["content-length"];
  return {
    ...(headers.etag === undefined ? {} : { etag: headers.etag }),
    ...(headers["last-modified"] === undefined ? {} : { lastModified: headers["last-modified"] }),
    ...(stated === undefined ? {} : { bytes: Number(stated) }),
  };
}

/** RFC 9110 §13.1.5: a weak ETag does not hold for ranges; a date does where there is no strong ETag. */
function strongValidator({ etag, lastModified }: RemoteVersion): string | undefined {
  return etag?.startsWith('"') ? etag : lastModified;
}

function isSameVersion(a: RemoteVersion, b: RemoteVersion): boolean {
  return (
    strongValidator(a) === strongValidator(b) &&
    (a.bytes === undefined || b.bytes === undefined || a.bytes === b.bytes)
  );
}
