import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { finish, runApt3, startApt3 } from "./support/apt3.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "./support/corpus.ts";
import { hashOutput, temporaryFolder } from "./support/folders.ts";

/**
 * SIGKILL in the middle of each of the four commands, several times in a row, then the same command to its end:
 * the output must be that of an undisturbed run, byte for byte. Only wall-clock figures in metrics.jsonl may differ.
 */
const root = temporaryFolder();

/** Each command with its folder for a run that is left in peace and one that is killed. */
const COMMANDS: Readonly<Record<string, (out: string) => string[]>> = {
  ingest: (out) => ["ingest", "--config", "datasets.yaml", "--out", out, "--workers", "2"],
  "train-tokenizer": (out) => [
    ...["train-tokenizer", "--input", "clean", "--out", out],
    ...["--vocab-size", "600", "--workers", "2"],
  ],
  pack: (out) => [
    ...["pack", "--input", "clean", "--tokenizer", "tokenizer", "--out", out],
    ...["--seq-len", "64", "--validation-share", "0.05", "--workers", "2"],
  ],
  pretrain: (out) => [
    "pretrain",
    "--config",
    "tiny.yaml",
    "--data",
    "packed",
    "--out",
    out,
    "--backend",
    "reference",
  ],
};
const OUTPUTS = { ingest: "clean", "train-tokenizer": "tokenizer", pack: "packed", pretrain: "run" } as const;

/** Moments of the kills, as shares of the time an undisturbed run takes. */
const MOMENTS = [0.35, 0.6, 0.85, 0.95];

before(() => {
  const sources = Array.from({ length: 6 }, (_, i) => ({
    name: `source-${i}`,
    path: `source-${i}.jsonl.zst`,
  }));
  for (const [i, { path }] of sources.entries()) {
    writeJsonl(
      join(root, path),
      Array.from({ length: 500 }, (_, k) => ({ text: polishText(i * 450 + k) })), // a tenth seen in the source before
    );
  }
  writeDatasetsYaml(join(root, "datasets.yaml"), sources);
  const demo = readFileSync(new URL("../train/configs/demo.yaml", import.meta.url), "utf8");
  const tiny = demo.replace(/steps: \d+/, "steps: 60").replaceAll(/every: \d+/g, "every: 7");
  assert.notEqual(tiny, demo);
  writeFileSync(join(root, "tiny.yaml"), tiny);
});

for (const name of Object.keys(OUTPUTS) as (keyof typeof OUTPUTS)[]) {
  test(`${name} killed at any moment and run again gives the same bytes`, async () => {
    const words = COMMANDS[name]!;
    const peaceful = OUTPUTS[name];
    const started = performance.now();
    const whole = await runApt3(words(peaceful), { cwd: root });
    const duration = performance.now() - started;
    assert.equal(whole.code, 0, whole.stderr);

    const disturbed = `${peaceful}-killed`;
    let kills = 0;
    for (const moment of MOMENTS) {
      const child = startApt3(words(disturbed), root);
      const ended = finish(child);
      await Promise.race([setTimeout(duration * moment), ended]);
      if (child.kill("SIGKILL")) kills += 1;
      await ended;
    }
    assert.ok(kills >= 2, `only ${kills} of ${MOMENTS.length} kills came in time`);
    const last = await runApt3(words(disturbed), { cwd: root });
    assert.equal(last.code, 0, last.stderr);
    assert.deepEqual(contentOf(join(root, disturbed)), contentOf(join(root, peaceful)));
  });
}

/** The bytes of a folder, without what a clock wrote. */
function contentOf(folder: string): Record<string, string> {
  const files = hashOutput(folder);
  if (files["metrics.jsonl"] === undefined) return files;
  const metrics = readFileSync(join(folder, "metrics.jsonl"), "utf8");
  return { ...files, "metrics.jsonl": metrics.replaceAll(/,"timing":\{[^}]*\}/g, "") };
}
