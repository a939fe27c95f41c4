import { readFileSync } from "node:fs";
import { open, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { isCode, makeFolder, writeAll } from "./files.ts";

/**
 * Takes a folder for this process alone, so that two commands never write into one folder. The lock names
 * the process; a lock whose process is gone (killed) is taken over at once, without a waiting time.
 *
 * @returns a function that releases the lock
 * @throws UserError when a living process holds the folder
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await makeFolder(folder);
  const path = join(folder, ".lock");
  const holder = await takeLock(
    path,
    JSON.stringify({ pid: process.pid, started: statusOf(process.pid)?.started ?? null }),
  );
  if (holder !== undefined)
    throw new UserError(`${folder}: in use by process ${holder}; wait for it or choose another --out`);
  return () => rm(path, { force: true });
}

/**
 * Takes a lock, from a dead process too. Of those who find it dead, one at a time may replace it, the one with the
 * takeover's lock, and only if the dead one still stands: otherwise the second would replace the first one's.
 *
 * @returns the living process that has the lock or is taking it over; undefined when it is ours
 */
async function takeLock(path: string, own: string): Promise<number | undefined> {
  while (!(await makeLock(path, own))) {
    const found = await readLock(path);
    if (found === undefined) continue; // released just now
    const takeover = `${path}.takeover`;
    const holder = livingHolder(found) ?? (await takeLock(takeover, own));
    if (holder !== undefined) return holder;
    if ((await readLock(path)) === found) {
      await rename(takeover, path); // one call replaces the dead lock and ends the takeover
      return undefined;
    }
    await rm(takeover, { force: true });
  }
  return undefined;
}

/**
 * Makes a lock; false when there is one. It is a symbolic link that leads nowhere: made and filled in one call, where
 * another command could find a file between its two, empty and thus dead. Only where there are no such links it is a file.
 */
async function makeLock(path: string, text: string): Promise<boolean> {
  try {
    await symlink(text, path);
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    if (isCode(error, "EPERM", "ENOTSUP", "ENOSYS")) return await makeLockFile(path, text);
    throw error instanceof Error ? Object.assign(error, { path }) : error; // Node's names the link's text
  }
  return true;
}

async function makeLockFile(path: string, text: string): Promise<boolean> {
  const file = await open(path, "wx").catch((error: unknown) => {
    if (!isCode(error, "EEXIST")) throw error;
  });
  if (file === undefined) return false;
  try {
    await writeAll(file, Buffer.from(text), { path });
  } finally {
    await file.close();
  }
  return true;
}

/** What a lock says; undefined when there is none. */
async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readlink(path).catch((error: unknown) => {
      if (!isCode(error, "EINVAL", "UNKNOWN")) throw error; // UNKNOWN: what Windows says
      return readFile(path, "utf8"); // a file
    });
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The living process that a lock names; undefined when the lock is stale. */
function livingHolder(text: string): number | undefined {
  let lock: unknown;
  try {
    lock = JSON.parse(text);
  } catch {
    return undefined; // a file, cut off while being written: its writer was killed
  }
  if (lock === null || typeof lock !== "object" || !("pid" in lock) || typeof lock.pid !== "number")
    return undefined;
  if (!isAlive(lock.pid)) return undefined;
  const status = statusOf(lock.pid);
  if (status?.ended === true) return undefined;
  const started = "started" in lock ? lock.started : undefined;
  return started === (status?.started ?? null) ? lock.pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

interface ProcessStatus {
  /** In the kernel's ticks, so that a reused process id is not taken for the holder. */
  readonly started: string | undefined;
  /** Killed, though its parent has not asked for it yet: in a container whose first process never does, for good. */
  readonly ended: boolean;
}

/** Undefined where there is no /proc: the process id alone has to do. */
function statusOf(pid: number): ProcessStatus | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads, started] = [fields[0], fields[17], fields[19]];
    return { started, ended: state === "Z" && Number(threads) <= 1 }; // its other threads may still be writing
  } catch {
    return undefined;
  }
}
