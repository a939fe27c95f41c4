/**
 * Preloaded into a process (`--import`), brings trouble at one of its main thread's calls that touch the disk, as the
 * variable APT3_TROUBLE says:
 * - `kill 7` ends the process before the eighth call that makes, names, removes or syncs a file;
 * - `full 7` lets the eighth call that writes bytes, and all after it, fail as on a full disk;
 * - `count` changes nothing, and writes both numbers of calls to the file APT3_TROUBLE_COUNTS.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { constants } from "node:os";
import { isMainThread } from "node:worker_threads";

const { APT3_TROUBLE: trouble = "", APT3_TROUBLE_COUNTS: countsFile = "" } = process.env;
const [kind, number] = trouble.split(" ");
const first = Number(number);
const { writeFileSync } = fs;
const calls = { kill: 0, full: 0 };

if (isMainThread) {
  const opened = await fs.promises.open(process.execPath);
  const handle = Object.getPrototypeOf(opened) as object;
  await opened.close();

  const end = () => {
    if (kind === "kill" && calls.kill++ === first) process.kill(process.pid, "SIGKILL");
    else if (kind === "count") calls.kill += 1;
  };
  before(end, handle, ["sync", "datasync", "truncate"]);
  before(end, fs.promises, ["rename", "rm", "unlink", "mkdir", "copyFile", "link", "symlink", "truncate"]);
  before(end, fs, ["renameSync", "rmSync", "mkdirSync", "fsyncSync", "writeFileSync", "appendFileSync"]);

  const refuse = () => {
    if (calls.full++ < first || kind !== "full") return;
    const message = "ENOSPC: no space left on device, write";
    throw Object.assign(new Error(message), {
      code: "ENOSPC",
      errno: -constants.errno.ENOSPC,
      syscall: "write",
    });
  };
  before(refuse, handle, ["write", "writev", "writeFile", "appendFile"]);
  before(refuse, fs.promises, ["writeFile", "appendFile", "copyFile", "symlink"]);
  before(refuse, fs, ["write", "writev", "writeSync", "writevSync", "writeFileSync", "appendFileSync"]);

  syncBuiltinESMExports();
  if (kind === "count") process.on("exit", () => writeFileSync(countsFile, JSON.stringify(calls)));
}

/** Puts an action before calls of an object's functions. What it throws rejects the promise of those that give one. */
function before(action: () => void, owner: object, names: readonly string[]): void {
  const givesPromises = owner !== fs;
  for (const name of names) {
    const call: unknown = Reflect.get(owner, name);
    if (typeof call !== "function") throw new Error(`${name} is no function`);
    const acted = (self: unknown, values: unknown[]): unknown => {
      action();
      return Reflect.apply(call, self, values);
    };
    Reflect.set(owner, name, function (this: unknown, ...values: unknown[]) {
      return givesPromises ? Promise.resolve().then(() => acted(this, values)) : acted(this, values);
    });
  }
}
