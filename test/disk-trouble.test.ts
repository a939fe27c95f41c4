import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { commandHost, finish, startApt3 } from "./support/apt3.ts";
import { temporaryFolder } from "./support/folders.ts";
import {
  COMMAND_NAMES,
  COMMANDS,
  type CommandName,
  hashWithoutClock,
  wordsOf,
  writeInputs,
} from "./support/four-commands.ts";

/**
 * Each of the four commands is killed right before a call that changes the names on the disk, or meets a full disk from
 * one of its writes on, and is run again: the output must be that of an undisturbed run, byte for byte.
 * `npm run check:crashes` takes every such change and every third write; `npm test` the first, one in the middle, and the
 * last two, where a command publishes and cleans up.
 */
const root = temporaryFolder();
const runHosted = commandHost(root);
const ALL = process.env.APT3_CRASHES === "all";
const PRELOAD = fileURLToPath(new URL("./support/disk-trouble.ts", import.meta.url));
const countsFile = join(root, "counts");
const counts = z.strictObject({ kill: z.int().min(10), full: z.int().min(5) });

before(() => writeInputs(root, { documents: 60, steps: 9 }));

for (const name of COMMAND_NAMES) {
  test(`${name} killed before a change on disk, or without room on it, gives the same bytes when run again`, async () => {
    const whole = await runTroubled(name, COMMANDS[name], "count");
    assert.equal(whole.code, 0, whole.stderr);
    rmSync(join(root, "troubled"), { recursive: true, force: true });
    const expected = hashWithoutClock(join(root, COMMANDS[name]));
    const calls = counts.parse(JSON.parse(readFileSync(countsFile, "utf8")));

    for (const call of pointsOf(calls.kill)) {
      const killed = await runTroubled(name, "troubled", `kill ${call}`);
      assert.equal(killed.signal, "SIGKILL", `call ${call} of ${calls.kill}`);
      await goOn(name, expected, `killed before call ${call} of ${calls.kill}`);
    }
    for (const call of pointsOf(calls.full, 3)) {
      const full = await runTroubled(name, "troubled", `full ${call}`);
      const where = `full from write ${call} of ${calls.full}`;
      if (full.code === 0)
        assert.match(full.stderr, /disk full/, where); // what can wait or be left out is said
      else {
        assert.equal(full.code, 2, `${where}: ${full.stderr}`);
        const line = full.stderr.trimEnd().split("\n").at(-1) ?? "";
        assert.match(line, /troubled\/.*disk full: free some space and run the same command again/, where);
        assert.doesNotMatch(full.stderr, /^\s+at /m, where);
        assert.equal(isComplete(), false, `${where}: a manifest claims to be complete`);
      }
      await goOn(name, expected, where);
    }
  });
}

/** Every n-th call, or a few of them. */
function pointsOf(calls: number, every = 1): number[] {
  if (ALL) return Array.from({ length: Math.ceil(calls / every) }, (_, i) => i * every);
  return [0, Math.floor(0.5 * calls), calls - 2, calls - 1];
}

function runTroubled(name: CommandName, out: string, trouble: string) {
  const environment = { APT3_TROUBLE: trouble, APT3_TROUBLE_COUNTS: countsFile };
  return finish(startApt3(wordsOf(name, out), root, { nodeOptions: ["--import", PRELOAD], environment }));
}

/** Runs a command again after trouble, and compares what it leaves. */
async function goOn(name: CommandName, expected: Record<string, string>, trouble: string): Promise<void> {
  const again = await runHosted(...wordsOf(name, "troubled"));
  assert.equal(again.code, 0, `${trouble}: ${again.stderr}`);
  assert.deepEqual(hashWithoutClock(join(root, "troubled")), expected, trouble);
  rmSync(join(root, "troubled"), { recursive: true });
}

function isComplete(): boolean {
  const path = join(root, "troubled", "manifest.json");
  return (
    existsSync(path) &&
    z.looseObject({ complete: z.boolean() }).parse(JSON.parse(readFileSync(path, "utf8"))).complete
  );
}
