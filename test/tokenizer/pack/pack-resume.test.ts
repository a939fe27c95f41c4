import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { hashFolder, temporaryFolder } from "../../support/folders.ts";
import { makeCleanFolder, makeTokenizer, records, runPack } from "./packing.ts";

const BIN = fileURLToPath(new URL("../../../bin/apt3.ts", import.meta.url));
const root = temporaryFolder();
let tokenizer: string;
let input: string;
let expected: Record<string, string>;

const words = (out: string) => {
  const flags = {
    input,
    tokenizer,
    out,
    "seq-len": 64,
    seed: 1,
    "validation-share": 0.1,
    workers: 2,
    "shard-size": 8192,
  };
  return ["pack", ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])];
};

before(async () => {
  tokenizer = await makeTokenizer(join(root, "made"));
  const shards = Array.from({ length: 10 }, (_, i) => records(i * 30, i * 30 + 30));
  input = await makeCleanFolder(
    join(root, "clean"),
    { a: shards.slice(0, 7), b: shards.slice(7) },
    { a: 1, b: 1 },
  );
  await runPack({ input, tokenizer, out: join(root, "whole"), shardBytes: 8192 });
  expected = hashFolder(join(root, "whole"));
});

/** Runs the command and kills it as soon as `when` holds; says whether it was still running. */
async function killWhen(out: string, when: () => boolean): Promise<boolean> {
  const child = spawn(process.execPath, [BIN, ...words(out)], { stdio: "ignore" });
  const ended = once(child, "close");
  while (child.exitCode === null && !when()) await sleep(1);
  const killed = child.kill("SIGKILL");
  await ended;
  return killed && child.signalCode === "SIGKILL";
}

const filesIn = (folder: string, ending: string) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ending)).length : 0;

describe("pack, killed and run again", () => {
  it("ends with the bytes of an undisturbed run, whenever it was killed", async () => {
    const out = join(root, "killed");
    const work = join(out, "work");
    const moments: [string, () => boolean][] = [
      ["the folder was made", () => existsSync(work)],
      ["a unit was being written", () => filesIn(work, ".rows.partial") > 0],
      ["some units were done", () => filesIn(work, ".rows.json") > 3],
      ["a shard was done", () => filesIn(work, ".arrow.json") > 0],
      ["many shards were done", () => filesIn(work, ".arrow.json") > 3],
    ];
    let kills = 0;
    for (const [moment, when] of moments) {
      rmSync(out, { recursive: true, force: true });
      if (await killWhen(out, when)) kills += 1;
      await runPack({ input, tokenizer, out, shardBytes: 8192 });
      assert.deepEqual(hashFolder(out), expected, `killed when ${moment}`);
    }
    assert.ok(
      kills >= 4,
      `${kills} of ${moments.length} runs were still running when they were to be killed`,
    );
  });

  it("does finished units and shards once", async () => {
    const out = join(root, "thrice");
    const work = join(out, "work");
    await killWhen(out, () => filesIn(work, ".rows.json") > 2);
    await killWhen(out, () => filesIn(work, ".arrow.json") > 1);
    await runPack({ input, tokenizer, out, shardBytes: 8192 });
    assert.deepEqual(hashFolder(out), expected);
  });

  it("refuses two packs in one folder, and another configuration in a finished one", async () => {
    const out = join(root, "twice");
    const results = await Promise.allSettled(
      [1, 2].map(() => runPack({ input, tokenizer, out, shardBytes: 8192 })),
    );
    const [refused] = results.filter((result) => result.status === "rejected");
    assert.equal(results.filter(({ status }) => status === "rejected").length, 1);
    assert.match(String(refused?.reason), /UserError: .*: in use by process \d+/);
    const other = runPack({ input, tokenizer, out, seqLen: 32 });
    await assert.rejects(
      other,
      (error) => error instanceof UserError && /made by another configuration/.test(error.message),
    );
    assert.deepEqual(hashFolder(out), expected);
  });
});

describe("pack on a small disk", () => {
  const run = (out: string, free: (call: number) => number) => {
    let calls = 0;
    return runPack({ input, tokenizer, out, shardBytes: 8192, freeBytes: async () => free(++calls) });
  };

  it("refuses to start, stops between units, and stops before a shard, and goes on when there is room", async () => {
    const out = join(root, "small");
    const full = {
      name: "UserError",
      message: /need about .* are free; free some space and run the same command again/,
    };
    await assert.rejects(
      run(out, () => 1000),
      full,
    );
    assert.equal(filesIn(join(out, "work"), ".rows"), 0);
    await assert.rejects(
      run(out, (call) => (call < 4 ? 1e12 : 1000)),
      full,
    );
    assert.ok(filesIn(join(out, "work"), ".rows.json") >= 2);
    await assert.rejects(
      run(out, (call) => (call < 15 ? 1e12 : 1000)),
      full,
    );
    assert.ok(filesIn(join(out, "work"), ".arrow.json") >= 1);
    await run(out, () => 1e12);
    assert.deepEqual(hashFolder(out), expected);
  });
});
