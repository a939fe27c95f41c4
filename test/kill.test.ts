import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { finish, runApt3, startApt3 } from "./support/apt3.ts";
import { temporaryFolder } from "./support/folders.ts";
import { COMMAND_NAMES, COMMANDS, hashWithoutClock, wordsOf, writeInputs } from "./support/four-commands.ts";

/**
 * SIGKILL in the middle of each of the four commands, several times in a row, then the same command to its end:
 * the output must be that of an undisturbed run, byte for byte. Only wall-clock figures in metrics.jsonl may differ.
 */
const root = temporaryFolder();

/** Moments of the kills, as shares of the time an undisturbed run takes. */
const MOMENTS = [0.35, 0.6, 0.85, 0.95];

before(() => writeInputs(root, { documents: 500, steps: 40 }));

for (const name of COMMAND_NAMES) {
  test(`${name} killed at any moment and run again gives the same bytes`, async () => {
    const started = performance.now();
    const whole = await runApt3(wordsOf(name), { cwd: root });
    let duration = performance.now() - started;
    assert.equal(whole.code, 0, whole.stderr);

    const disturbed = wordsOf(name, "killed");
    for (const moment of MOMENTS) {
      while (!(await killedAfter(duration * moment, disturbed))) {
        rmSync(join(root, "killed"), { recursive: true }); // it was faster than the first and came to its end
        duration *= 0.8;
      }
    }
    const last = await runApt3(disturbed, { cwd: root });
    assert.equal(last.code, 0, last.stderr);
    assert.deepEqual(hashWithoutClock(join(root, "killed")), hashWithoutClock(join(root, COMMANDS[name])));
    rmSync(join(root, "killed"), { recursive: true });
  });
}

/** Runs a command and kills it after so many milliseconds; false when it had ended by then. */
async function killedAfter(milliseconds: number, words: readonly string[]): Promise<boolean> {
  const child = startApt3(words, root);
  const ended = finish(child);
  await Promise.race([setTimeout(milliseconds), ended]);
  child.kill("SIGKILL");
  return (await ended).signal === "SIGKILL";
}
