/**
 * Preloaded into a process (`--import`), kills it right before one of its main thread's calls that change what is on
 * disk: APT3_CRASH_BEFORE=7 before the eighth. With APT3_CRASH_BEFORE=count it only writes to the file APT3_CRASH_COUNT
 * how many there were.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const { APT3_CRASH_BEFORE: wanted = "count", APT3_CRASH_COUNT: countFile = "" } = process.env;
const { writeFileSync } = fs;
let calls = 0;

if (isMainThread) {
  const handle = await fs.promises.open(process.execPath);
  watch(Object.getPrototypeOf(handle) as object, ["sync", "datasync", "truncate"]);
  await handle.close();
  watch(fs.promises, ["rename", "rm", "unlink", "mkdir", "copyFile", "link", "truncate"]);
  watch(fs, ["renameSync", "rmSync", "mkdirSync", "fsyncSync", "writeFileSync", "appendFileSync"]);
  syncBuiltinESMExports();
  if (wanted === "count") process.on("exit", () => writeFileSync(countFile, String(calls)));
}

/** Counts calls of an object's functions, and ends the process before the one that was asked for. */
function watch(owner: object, names: readonly string[]): void {
  for (const name of names) {
    const call: unknown = Reflect.get(owner, name);
    if (typeof call !== "function") throw new Error(`${name} is no function`);
    Reflect.set(owner, name, function (this: unknown, ...values: unknown[]) {
      if (String(calls) === wanted) process.kill(process.pid, "SIGKILL");
      calls += 1;
      return Reflect.apply(call, this, values);
    });
  }
}
