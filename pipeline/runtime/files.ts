import { createHash, type Hash } from "node:crypto";
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "./errors.ts";

/** What a manifest says of a finished file. */
export interface FileRecord {
  readonly bytes: number;
  /** SHA-256 of the content, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Unfinished files carry this ending, so that a killed run's leftovers are known and overwritten. */
export const PARTIAL = ".partial";

/**
 * A file that appears under its name only when it is complete: written beside it as `NAME.partial`,
 * fsynced, then renamed. A kill at any moment leaves either the old file, or none, or the whole new one.
 */
export class AtomicFile {
  readonly path: string;
  #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #bytes = 0;
  #open = true;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Starts a file at `path`; its folder is made when missing, a leftover of a killed run is overwritten. */
  static async create(path: string): Promise<AtomicFile> {
    await makeFolder(dirname(path));
    return new AtomicFile(path, await open(path + PARTIAL, "w"));
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends `chunk`; it must not change until the promise settles. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#bytes += chunk.byteLength;
    await writeAll(this.#handle, chunk, { path: this.path });
  }

  /** Makes the file durable and gives it its name. */
  async commit(): Promise<FileRecord> {
    await this.#handle.sync();
    await this.#close();
    await rename(this.path + PARTIAL, this.path);
    await syncFolder(dirname(this.path));
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  /** Drops what was written. Safe to call after `commit`, where it does nothing. */
  async discard(): Promise<void> {
    if (!this.#open) return;
    await this.#close();
    await rm(this.path + PARTIAL, { force: true });
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#handle.close();
  }
}

/**
 * Writes all of `bytes` to an open file, at `position` or behind what was written last; the system may take them in
 * parts.
 *
 * @throws the system's error, such as a full disk, with the file's path, which Node leaves out of it
 */
export async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  { path, position }: { readonly path: string; readonly position?: number },
): Promise<void> {
  try {
    for (let offset = 0; offset < bytes.byteLength; ) {
      const at = position === undefined ? null : position + offset;
      const { bytesWritten } = await file.write(bytes, offset, bytes.byteLength - offset, at);
      offset += bytesWritten;
    }
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}

/** Writes a whole file atomically (see `AtomicFile`). */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<FileRecord> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(typeof data === "string" ? Buffer.from(data) : data);
    return await file.commit();
  } finally {
    await file.discard();
  }
}

/**
 * A file's text.
 *
 * @throws the system's error, such as that it is a folder, with the path, which Node leaves out of it once it is open
 */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}

/** Size and SHA-256 of a file, read piece by piece into the same memory. */
export async function hashFile(path: string): Promise<FileRecord> {
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(1 << 20);
  const file = await open(path, "r");
  let bytes = 0;
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Makes the names in a folder durable. Where folders cannot be fsynced (Windows) this does nothing. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(folder, "r");
  } catch (error) {
    if (isCode(error, "EISDIR", "EPERM", "EACCES")) return;
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    if (!isCode(error, "EINVAL", "EPERM", "EISDIR")) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder, and those above it that are missing; nothing where it is there. Node's own recursive `mkdir` never returns
 * where the system says that the folder above is missing although it is there, as it does in /proc (Node 24.21, 2026-11).
 *
 * @throws UserError where no folder can be made, or the system's error that says why
 */
export async function makeFolder(path: string): Promise<void> {
  if (path === "") throw new UserError("the name of a folder is empty; name one");
  const refusal = await tryToMake(path);
  if (refusal === undefined) return;
  if (!isCode(refusal, "ENOENT")) throw refusal;
  await makeFolder(dirname(path));
  const again = await tryToMake(path);
  if (isCode(again, "ENOENT"))
    throw new UserError(`${path}: no folder can be made in ${dirname(path)}; choose another`);
  if (again !== undefined) throw again;
}

/** Makes one folder; what the system says against it, unless it is there. */
async function tryToMake(path: string): Promise<unknown> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return undefined;
    if (await isLink(path))
      throw new UserError(
        `${path}: a link to what is not there; make what it leads to or choose another folder`,
      );
    return error;
  }
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await exists(path)) && (await stat(path)).isDirectory();
}

/** Whether a symbolic link lies at `path`, whatever it leads to. */
async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** Removes the unfinished files a killed run left in `folder` (not in its subfolders). */
export async function removePartialFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(PARTIAL)) await rm(join(folder, name), { force: true });
  }
}

/** Whether something lies at `path`. Errors other than "it does not exist" are thrown. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** Whether `error` is a system error with one of these codes. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
