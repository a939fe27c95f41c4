import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runApt3 } from "./support/apt3.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "./support/corpus.ts";
import { temporaryFolder } from "./support/folders.ts";

/** A disk that runs full: a tiny tmpfs in a mount namespace of the command's own (Linux with user namespaces). */
const root = temporaryFolder();
const BIN = fileURLToPath(new URL("../bin/apt3.ts", import.meta.url));
const full = join(root, "full");
mkdirSync(full);

const unshare = (script: string) =>
  spawnSync("unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", script], {
    cwd: root,
    encoding: "utf8",
  });
const canMount = unshare(`mount -t tmpfs -o size=64k tmpfs ${full}`).status === 0;

before(async () => {
  if (!canMount) return;
  writeJsonl(
    join(root, "source.jsonl.zst"),
    Array.from({ length: 1500 }, (_, i) => ({ text: polishText(i) })),
  );
  writeDatasetsYaml(join(root, "datasets.yaml"), [{ name: "source", path: "source.jsonl.zst" }]);
  const demo = readFileSync(new URL("../train/configs/demo.yaml", import.meta.url), "utf8");
  writeFileSync(
    join(root, "tiny.yaml"),
    demo.replace(/steps: \d+/, "steps: 3").replaceAll(/every: \d+/g, "every: 1"),
  );
  for (const words of [
    ["ingest", "--config", "datasets.yaml", "--out", "clean"],
    ["train-tokenizer", "--input", "clean", "--out", "tokenizer", "--vocab-size", "500"],
    ["pack", "--input", "clean", "--tokenizer", "tokenizer", "--out", "packed", "--seq-len", "64"],
  ]) {
    const run = await runApt3(words, { cwd: root });
    assert.equal(run.code, 0, run.stderr);
  }
});

const COMMANDS = [
  ["ingest", "--config", "datasets.yaml"],
  ["train-tokenizer", "--input", "clean", "--vocab-size", "500"],
  ["pack", "--input", "clean", "--tokenizer", "tokenizer", "--seq-len", "64"],
  ["pretrain", "--config", "tiny.yaml", "--data", "packed", "--backend", "reference"],
];

for (const words of COMMANDS) {
  test(`${words[0]} on a full disk says so in one line and marks nothing as done`, {
    skip: !canMount,
  }, () => {
    const out = join(full, "out");
    const command = [process.execPath, BIN, ...words, "--out", out].join(" ");
    const run = unshare(
      `mount -t tmpfs -o size=48k tmpfs ${full} && ${command}; code=$?; grep -rl '"complete": true' ${full}; exit $code`,
    );
    assert.equal(run.status, 2, run.stderr);
    const line = run.stderr.trimEnd().split("\n").at(-1) ?? "";
    assert.match(line, /free some space and run the same command again/);
    assert.doesNotMatch(run.stderr, /^\s+at /m);
    assert.doesNotMatch(run.stdout, /manifest\.json/, "a manifest claims to be complete");
  });
}
