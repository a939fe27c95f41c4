import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { commandHost, type Finished, finish, startApt3 } from "./support/apt3.ts";
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
const ALL = process.env.APT3_CRASHES === "all";
const PRELOAD = fileURLToPath(new URL("./support/disk-trouble.ts", import.meta.url));
const countsSchema = z.strictObject({ kill: z.int().min(10), full: z.int().min(5) });

/** What an undisturbed run of a command leaves, and how many of its calls can be troubled. */
interface WholeRun {
  readonly hashes: Record<string, string>;
  readonly calls: z.infer<typeof countsSchema>;
}
const wholeRuns = new Map<CommandName, WholeRun>();

before(async () => {
  writeInputs(root, { documents: 60, steps: 9 });
  for (const name of COMMAND_NAMES) {
    const counts = join(root, "counts");
    const whole = await runTroubled(name, COMMANDS[name], { trouble: "count", counts });
    assert.equal(whole.code, 0, whole.stderr);
    const calls = countsSchema.parse(JSON.parse(readFileSync(counts, "utf8")));
    wholeRuns.set(name, { hashes: hashWithoutClock(join(root, COMMANDS[name])), calls });
  }
});

describe("trouble on disk", { concurrency: 2 }, () => {
  for (const name of COMMAND_NAMES) describe(name, { concurrency: 1 }, () => testTrouble(name));
});

function testTrouble(name: CommandName): void {
  const out = `troubled-${name}`;
  const folder = join(root, out);
  const runHosted = commandHost(root);

  /** Runs the command again after trouble, and compares what it leaves. */
  const goOn = async (trouble: string) => {
    const again = await runHosted(...wordsOf(name, out));
    assert.equal(again.code, 0, `${trouble}: ${again.stderr}`);
    assert.deepEqual(hashWithoutClock(folder), wholeRuns.get(name)?.hashes, trouble);
    rmSync(folder, { recursive: true });
  };

  test("killed before a change, it gives the same bytes when run again", async () => {
    const { calls } = wholeRuns.get(name) as WholeRun;
    for (const call of pointsOf(calls.kill)) {
      const killed = await runTroubled(name, out, { trouble: `kill ${call}` });
      const where = `killed before call ${call} of ${calls.kill}`;
      assert.equal(killed.signal, "SIGKILL", where);
      await goOn(where);
    }
  });

  test("without room it says so, and gives the same bytes when run again", async () => {
    const { calls } = wholeRuns.get(name) as WholeRun;
    for (const call of pointsOf(calls.full, 3)) {
      const full = await runTroubled(name, out, { trouble: `full ${call}` });
      const where = `full from write ${call} of ${calls.full}`;
      if (full.code === 0)
        assert.match(full.stderr, /disk full/, where); // what can wait or be left out is said
      else assertStopped(full, folder, where);
      await goOn(where);
    }
  });
}

/** Every n-th call, or a few of them. */
function pointsOf(calls: number, every = 1): number[] {
  if (ALL) return Array.from({ length: Math.ceil(calls / every) }, (_, i) => i * every);
  return [0, Math.floor(0.5 * calls), calls - 2, calls - 1];
}

function runTroubled(
  name: CommandName,
  out: string,
  { trouble, counts = "" }: { readonly trouble: string; readonly counts?: string },
): Promise<Finished> {
  const environment = { APT3_TROUBLE: trouble, APT3_TROUBLE_COUNTS: counts };
  return finish(startApt3(wordsOf(name, out), root, { nodeOptions: ["--import", PRELOAD], environment }));
}

/** A full disk ended a run: one line that names the file and the mend, and nothing that counts as done. */
function assertStopped({ code, stderr }: Finished, folder: string, where: string): void {
  assert.equal(code, 2, `${where}: ${stderr}`);
  const line = stderr.trimEnd().split("\n").at(-1) ?? "";
  assert.match(line, /troubled-[a-z-]+\/.*disk full: free some space and run the same command again/, where);
  assert.doesNotMatch(stderr, /^\s+at /m, where);
  const manifest = join(folder, "manifest.json");
  if (!existsSync(manifest)) return;
  const { complete } = z
    .looseObject({ complete: z.boolean() })
    .parse(JSON.parse(readFileSync(manifest, "utf8")));
  assert.equal(complete, false, `${where}: a manifest claims to be complete`);
}
