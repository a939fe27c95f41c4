import { readFileSync } from "node:fs";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { isCode, writeAll } from "./files.ts";

const LOCK_FILE = ".lock";

/**
 * Takes a folder for this process alone, so that two commands never write into one folder. The lock names
 * the process; a lock whose process is gone (killed) is taken over at once, without a waiting time.
 *
 * @returns a function that releases the lock
 * @throws UserError when a living process holds the folder
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, LOCK_FILE);
  const own = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  for (;;) {
    try {
      await writeNew(path, own);
      return () => rm(path, { force: true });
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    const pid = await holder(path);
    if (pid !== undefined) {
      throw new UserError(`${folder}: in use by process ${pid}; wait for it or choose another --out`);
    }
    await rm(path, { force: true });
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

/** The living process that holds the lock; undefined when the lock is stale. */
async function holder(path: string): Promise<number | undefined> {
  let lock: unknown;
  try {
    lock = JSON.parse(await readFile(path, "utf8"));
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
