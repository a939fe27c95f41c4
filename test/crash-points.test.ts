import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { finish, runApt3, startApt3 } from "./support/apt3.ts";
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
 * Each of the four commands is killed right before a call that changes what is on disk, then run again: the output must
 * be that of an undisturbed run, byte for byte. `npm run check:crashes` takes every such call, `npm test` the last two,
 * where a command publishes and cleans up, and a few of the others.
 */
const root = temporaryFolder();
const ALL = process.env.APT3_CRASHES === "all";
const PRELOAD = fileURLToPath(new URL("./support/crash-before.ts", import.meta.url));
const countFile = join(root, "count");

before(() => writeInputs(root, { documents: 60, steps: 9 }));

for (const name of COMMAND_NAMES) {
  test(`${name} killed before any change on disk and run again gives the same bytes`, async () => {
    const whole = await runWatched(name, COMMANDS[name], "count");
    assert.equal(whole.code, 0, whole.stderr);
    const expected = hashWithoutClock(join(root, COMMANDS[name]));
    const calls = Number(readFileSync(countFile, "utf8"));
    assert.ok(calls > 10, `${calls} calls`);

    for (const call of ALL ? Array.from({ length: calls }, (_, i) => i) : someOf(calls)) {
      const crashed = await runWatched(name, "crashed", String(call));
      assert.equal(crashed.signal, "SIGKILL", `call ${call} of ${calls}`);
      const again = await runApt3(wordsOf(name, "crashed"), { cwd: root });
      assert.equal(again.code, 0, `after a kill before call ${call} of ${calls}: ${again.stderr}`);
      assert.deepEqual(hashWithoutClock(join(root, "crashed")), expected, `call ${call} of ${calls}`);
      rmSync(join(root, "crashed"), { recursive: true });
    }
  });
}

const someOf = (calls: number): number[] =>
  [0.3, 0.7].map((share) => Math.floor(share * calls)).concat(calls - 2, calls - 1);

function runWatched(name: CommandName, out: string, before: string) {
  const environment = { APT3_CRASH_BEFORE: before, APT3_CRASH_COUNT: countFile };
  return finish(startApt3(wordsOf(name, out), root, { nodeOptions: ["--import", PRELOAD], environment }));
}
