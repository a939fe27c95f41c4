import { readFileSync } from "node:fs";
import { mkdir, open, readFile, readlink, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { isCode, writeAll } from "./files.ts";

const LOCK = ".lock";

/**
 * Takes a folder for this process alone, so that two commands never write into one folder. The lock names
 * the process; a lock whose process is gone (killed) is taken over at once, without a waiting time.
 *
 * @returns a function that releases the lock
 * @throws UserError when a living process holds the folder
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, LOCK);
  await take(path, folder);
  return () => rm(path, { force: true });
}

async function take(path: string, folder: string): Promise<void> {
  const own = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  while (!(await makeLock(path, own))) {
    const found = await readLock(path);
    if (found === undefined) continue; // released just now
    const pid = holder(found);
    if (pid !== undefined)
      throw new UserError(`${folder}: in use by process ${pid}; wait for it or choose another --out`);
    // Whoever else saw the stale lock must not remove the new one that comes after it: one at a time, who looks again.
    const takeover = `${path}.takeover`;
    await take(takeover, folder);
    try {
      if ((await readLock(path)) === found) await rm(path, { force: true });
    } finally {
      await rm(takeover, { force: true });
    }
  }
}

/**
 * Makes a lock; false when there is one. It is a symbolic link that leads nowhere: made and filled in one call, where
 * another command could find a file between being made and being filled. A file it is only where there are no such links.
 */
async function makeLock(path: string, text: string): Promise<boolean> {
  try {
    await symlink(text, path).catch((error: unknown) => {
      if (!isCode(error, "EPERM", "ENOTSUP", "ENOSYS")) throw error;
      return writeNew(path, text);
    });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error instanceof Error ? Object.assign(error, { path }) : error; // Node's names the link's text
  }
}

/** Writes a file that is not there yet. */
async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await writeAll(file, Buffer.from(text), { path });
  } finally {
    await file.close();
  }
}

/** What a lock says; undefined when there is none. */
async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readlink(path).catch((error: unknown) => {
      if (!isCode(error, "EINVAL")) throw error;
      return readFile(path, "utf8"); // a file
    });
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The living process that a lock names; undefined when the lock is stale. */
function holder(text: string): number | undefined {
  let lock: unknown;
  try {
    lock = JSON.parse(text);
  } catch {
    return undefined; // cut off while being written: its writer was killed
  }
  if (lock === null || typeof lock !== "object" || !("pid" in lock) || typeof lock.pid !== "number")
    return undefined;
  if (!isAlive(lock.pid)) return undefined;
  const started = "started" in lock ? lock.started : undefined;
  return started === startOf(lock.pid) ? lock.pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

/** When a process started, in the kernel's ticks, so that a reused process id is not taken for the holder. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null; // no /proc on this system: the process id alone has to do
  }
}
