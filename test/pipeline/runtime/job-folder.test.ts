import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { openJobFolder } from "../../../pipeline/runtime/job-folder.ts";
import { lockFolder } from "../../../pipeline/runtime/lock.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();
const schema = z.strictObject({ format: z.string(), fingerprint: z.string(), complete: z.boolean() });
const job = (fingerprint: string) => ({ fingerprint, schema, settings: "--seed" });

test("a folder is given to one job: it continues, another is refused", async () => {
  const path = join(root, "job");
  const first = await openJobFolder(path, job("a"));
  assert.equal(first.found, undefined);
  await first.save({ format: "test/1", fingerprint: "a", complete: false });
  await first.release();

  writeFileSync(join(path, "shard.partial"), "half");
  const second = await openJobFolder(path, job("a"));
  assert.deepEqual(second.found, { format: "test/1", fingerprint: "a", complete: false });
  assert.equal(existsSync(join(path, "shard.partial")), false);
  await second.release();

  await assert.rejects(openJobFolder(path, job("b")), {
    name: "UserError",
    message: `${path}: made by another configuration (--seed differ); choose another --out or remove the folder`,
  });
  assert.deepEqual(readdirSync(path), ["manifest.json"], "a refused job must not keep the lock");
});

test("what only an unfinished run needs is kept until all is done, and goes even after a kill in between", async () => {
  const path = join(root, "work-in-progress");
  const manifest = { format: "test/1", fingerprint: "a", complete: false };
  const first = await openJobFolder(path, job("a"));
  await first.save(manifest);
  mkdirSync(first.work);
  writeFileSync(join(first.work, "unit-0"), "");
  await first.release();

  const second = await openJobFolder(path, job("a"));
  assert.deepEqual(
    readdirSync(second.work),
    ["unit-0"],
    "an unfinished run's work must be there to go on with",
  );
  await second.save({ ...manifest, complete: true });
  assert.equal(existsSync(second.work), false);
  await second.release();

  mkdirSync(join(path, "work")); // killed after the manifest was written, before the work was removed
  writeFileSync(join(path, "work", "unit-0"), "");
  await (await openJobFolder(path, job("a"))).release();
  assert.equal(existsSync(join(path, "work")), false);
});

test("a folder with somebody else's files is not written to", async () => {
  const path = join(root, "photos");
  mkdirSync(path);
  writeFileSync(join(path, "holiday.jpg"), "");
  await assert.rejects(openJobFolder(path, job("a")), {
    name: "UserError",
    message: /not ours \(holiday\.jpg/,
  });
});

test("a living process keeps its lock, a dead one loses it at once", async () => {
  const path = join(root, "locked");
  const release = await lockFolder(path);
  await assert.rejects(lockFolder(path), {
    name: "UserError",
    message: new RegExp(`in use by process ${process.pid}`),
  });
  await release();

  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "close");
  writeFileSync(join(path, ".lock"), JSON.stringify({ pid: child.pid, started: "1" }));
  await (await lockFolder(path))();

  writeFileSync(join(path, ".lock"), '{"pid": 12'); // its writer was killed while writing
  await (await lockFolder(path))();

  writeFileSync(join(path, ".lock"), JSON.stringify({ pid: process.pid, started: "another start" }));
  if (existsSync("/proc/self/stat")) await (await lockFolder(path))(); // the same number, another process
});

test("a killed process whose parent never asks for it holds no lock", async (t) => {
  if (!existsSync("/proc/self/stat")) return t.skip("no /proc");
  const path = join(root, "orphaned");
  mkdirSync(path);
  // The shell becomes a program that knows nothing of the process it started.
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const pid = Number(String((await once(parent.stdout, "data"))[0]));
    const fields = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    symlinkSync(JSON.stringify({ pid, started: fields()[19] }), join(path, ".lock"));
    await assert.rejects(lockFolder(path), { message: new RegExp(`in use by process ${pid}`) });
    process.kill(pid, "SIGKILL");
    while (fields()[0] !== "Z") await setTimeout(5);
    await (await lockFolder(path))();
  } finally {
    parent.kill("SIGKILL");
  }
});

test("of commands that start at once one gets the folder, be it free or left by a killed one", async () => {
  for (let round = 0; round < 40; round++) {
    const path = join(root, `race-${round}`);
    mkdirSync(path);
    if (round % 2 === 1) symlinkSync(JSON.stringify({ pid: 2 ** 30, started: "1" }), join(path, ".lock"));
    const takers = await Promise.allSettled(Array.from({ length: 12 }, () => lockFolder(path)));
    const winners = takers.filter((taker) => taker.status === "fulfilled");
    assert.equal(winners.length, 1, `round ${round}`);
    for (const taker of takers)
      if (taker.status === "rejected")
        assert.match(String(taker.reason), /in use by process \d+; wait for it/, `round ${round}`);
    await winners[0]?.value();
    assert.deepEqual(readdirSync(path), []);
  }
});
