import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runApt3 } from "./support/apt3.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "./support/corpus.ts";
import { hashFolder, temporaryFolder } from "./support/folders.ts";
import { tinyConfig } from "./support/tiny-config.ts";

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
  writeFileSync(join(root, "tiny.yaml"), tinyConfig({ steps: 3, every: 1 }));
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

/**
 * Packs three times into a disk of three sizes, which are its arguments, and prints what came of each. It takes the disk
 * for an endless one, as when others fill it meanwhile.
 */
const PACK_BLINDLY = `
  import { execFileSync } from "node:child_process";
  import { existsSync, readdirSync } from "node:fs";
  import { silentContext } from ${JSON.stringify(new URL("../pipeline/runtime/command.ts", import.meta.url))};
  import { describeFailure } from ${JSON.stringify(new URL("../pipeline/runtime/errors.ts", import.meta.url))};
  import { pack } from ${JSON.stringify(new URL("../tokenizer/pack/pack.ts", import.meta.url))};
  const [disk, ...sizes] = process.argv.slice(2);
  const out = disk + "/out";
  const settings = { seqLen: 64, seed: 1337, validationShare: 0.005, workers: 1, freeBytes: async () => 1e15 };
  for (const size of sizes) {
    execFileSync("mount", ["-o", "remount,size=" + size, disk]);
    let failure;
    let complete = false;
    try {
      ({ complete } = await pack({ input: "clean", tokenizer: "tokenizer", out, ...settings }, silentContext()));
    } catch (error) {
      failure = describeFailure(error);
    }
    const marks = existsSync(out + "/work") ? readdirSync(out + "/work").filter((name) => name.endsWith(".rows.json")) : [];
    console.log(JSON.stringify({ ...failure, complete, units: marks.length }));
  }
`;

test("pack whose disk runs full in either pass, unforeseen, goes on when there is room", {
  skip: !canMount,
}, () => {
  writeFileSync(join(root, "pack-blindly.mjs"), PACK_BLINDLY);
  const bytes = statSync(join(root, "packed/train-00000.arrow")).size;
  const sizes = [0.5, 1.5, 20].map((share) => Math.round(share * bytes)).join(" ");
  const copy = join(root, "copied");
  const run = unshare(
    `mount -t tmpfs tmpfs ${full} && ${process.execPath} pack-blindly.mjs ${full} ${sizes} && cp -r ${full}/out ${copy}`,
  );
  assert.equal(run.status, 0, run.stderr);
  const [first, second, third] = run.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual([first.exitCode, second.exitCode], [2, 2]);
  assert.match(first.message, /000000\.rows: disk full: free some space and run the same command again/);
  assert.match(second.message, /train-00000\.arrow: disk full/);
  assert.equal(first.units, 0, "in the first pass, which has one unit");
  assert.ok(second.units > 0, "in the second");
  assert.equal(third.complete, true);
  assert.deepEqual(hashFolder(copy), hashFolder(join(root, "packed")));
});
