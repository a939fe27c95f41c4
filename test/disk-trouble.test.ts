import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { commandHost, type Finished, finish, startApt3 } from "./support/apt3.ts";
import { temporaryFolder } from "./support/folders.ts";
import {
  COMMAND_NAMES,
  COMMANDS,
  hashWithoutClock,
  wordsOf,
  wordsOfAllRejects,
  writeInputs,
} from "./support/four-commands.ts";

/**
 * Each of the four commands is killed right before a call that changes the names on the disk, or meets a full disk from
 * one of its writes on, and is run again: the output must be that of an undisturbed run, byte for byte.
 * `npm run check:crashes` takes every such change and every third write, and does the same to an ingest that adds data sets to
 * a folder with all rejects; `npm test` takes the first, one in the middle, and the last two, where a command publishes and
 * cleans up.
 */
const root = temporaryFolder();
const ALL = process.env.APT3_CRASHES === "all";
const PRELOAD = fileURLToPath(new URL("./support/disk-trouble.ts", import.meta.url));
const countsSchema = z.strictObject({ kill: z.int().min(10), full: z.int().min(5) });

/** A command that is troubled. */
interface Job {
  readonly name: string;
  readonly words: (out: string) => string[];
  /** Where an undisturbed run writes to. */
  readonly out: string;
  /** A folder that it goes on in; without it, it begins in an empty one. */
  readonly from?: string;
}

const GROWING: Job = {
  name: "ingest of more data sets, all rejects kept",
  words: (out) => wordsOfAllRejects(out, "all"),
  out: "grown",
  from: "some-clean",
};
const JOBS: readonly Job[] = [
  ...COMMAND_NAMES.map((name) => ({
    name,
    words: (out: string) => wordsOf(name, out),
    out: COMMANDS[name],
  })),
  ...(ALL ? [GROWING] : []),
];

/** What an undisturbed run of a command leaves, and how many of its calls can be troubled. */
interface WholeRun {
  readonly hashes: Record<string, string>;
  readonly calls: z.infer<typeof countsSchema>;
}
const wholeRuns = new Map<Job, WholeRun>();

before(async () => {
  writeInputs(root, { documents: 60, steps: 9 });
  if (ALL) {
    const some = await runTroubled(wordsOfAllRejects(GROWING.from as string, "some"), "");
    assert.equal(some.code, 0, some.stderr);
  }
  for (const job of JOBS) {
    begin(job, job.out);
    const counts = join(root, "counts");
    const whole = await runTroubled(job.words(job.out), "count", counts);
    assert.equal(whole.code, 0, whole.stderr);
    const calls = countsSchema.parse(JSON.parse(readFileSync(counts, "utf8")));
    wholeRuns.set(job, { hashes: hashWithoutClock(join(root, job.out)), calls });
  }
});

/** Brings a folder into the state in which a job begins. */
function begin({ from }: Job, out: string): void {
  if (from !== undefined) cpSync(join(root, from), join(root, out), { recursive: true });
}

describe("trouble on disk", { concurrency: 2 }, () => {
  for (const [i, job] of JOBS.entries())
    describe(job.name, { concurrency: 1 }, () => testTrouble(job, `troubled-${i}`));
});

function testTrouble(job: Job, out: string): void {
  const folder = join(root, out);
  const runHosted = commandHost(root);

  /** Runs the command again after trouble, and compares what it leaves. */
  const goOn = async (trouble: string) => {
    const again = await runHosted(...job.words(out));
    assert.equal(again.code, 0, `${trouble}: ${again.stderr}`);
    assert.deepEqual(hashWithoutClock(folder), wholeRuns.get(job)?.hashes, trouble);
    rmSync(folder, { recursive: true });
  };

  test("killed before a change, it gives the same bytes when run again", async () => {
    const { calls } = wholeRuns.get(job) as WholeRun;
    for (const call of pointsOf(calls.kill)) {
      begin(job, out);
      const killed = await runTroubled(job.words(out), `kill ${call}`);
      const where = `killed before call ${call} of ${calls.kill}`;
      assert.equal(killed.signal, "SIGKILL", where);
      await goOn(where);
    }
  });

  test("without room it says so, and gives the same bytes when run again", async () => {
    const { calls } = wholeRuns.get(job) as WholeRun;
    for (const call of pointsOf(calls.full, 3)) {
      begin(job, out);
      const full = await runTroubled(job.words(out), `full ${call}`);
      const where = `full from write ${call} of ${calls.full}`;
      if (full.code === 0)
        assert.match(full.stderr, /disk full/, where); // what can wait or be left out is said
      else assertStopped(full, folder, { ...job, where });
      await goOn(where);
    }
  });
}

/** Every n-th call, or a few of them. */
function pointsOf(calls: number, every = 1): number[] {
  if (ALL) return Array.from({ length: Math.ceil(calls / every) }, (_, i) => i * every);
  return [0, Math.floor(0.5 * calls), calls - 2, calls - 1];
}

function runTroubled(words: readonly string[], trouble: string, counts = ""): Promise<Finished> {
  const environment = { APT3_TROUBLE: trouble, APT3_TROUBLE_COUNTS: counts };
  return finish(startApt3(words, root, { nodeOptions: ["--import", PRELOAD], environment }));
}

/** A full disk ended a run: one line that names the file and the mend, and nothing counts as done but what was before. */
function assertStopped(
  { code, stderr }: Finished,
  folder: string,
  { from, where }: Pick<Job, "from"> & { readonly where: string },
): void {
  assert.equal(code, 2, `${where}: ${stderr}`);
  const line = stderr.trimEnd().split("\n").at(-1) ?? "";
  assert.match(line, /troubled-\d\/.*disk full: free some space and run the same command again/, where);
  assert.doesNotMatch(stderr, /^\s+at /m, where);
  const manifest = join(folder, "manifest.json");
  if (!existsSync(manifest)) return;
  const { complete } = z
    .looseObject({ complete: z.boolean() })
    .parse(JSON.parse(readFileSync(manifest, "utf8")));
  if (from === undefined || !complete)
    assert.equal(complete, false, `${where}: a manifest claims to be complete`);
  else assert.deepEqual(hashWithoutClock(folder), hashWithoutClock(join(root, from)), where);
}
