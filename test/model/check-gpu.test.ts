import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/folders.ts";
import { emulatedCard } from "./emulator/card.ts";
import { buildFakeCublasLt } from "./gpu/fake-cublaslt.ts";

/*
 * What waits for a card, from end to end on the emulated one, so that it does what it says when a card is there.
 */

const { missing, library } = await emulatedCard();
const script = fileURLToPath(new URL("gpu/check.ts", import.meta.url));

it("check:gpu runs all its checks and ends with a table of them", { skip: missing ?? false }, () => {
  // Stands in for NVIDIA's tool: runs the program, and finds something in one of its modes.
  const folder = temporaryFolder();
  const tool = '#!/bin/sh\n[ "$1" = --version ] || { [ "$2" != initcheck ] && [ "$8" != "" ]; }\n';
  writeFileSync(join(folder, "compute-sanitizer"), tool, { mode: 0o755 });
  const cublasLt = buildFakeCublasLt(folder, library);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, NODE_TEST_CONTEXT: undefined };
  const words = [script, "--small", "--library", library, "--cublaslt", cublasLt];
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: "utf8", env });
  const table = stdout.slice(stdout.lastIndexOf("\ncheck  ") + 1);
  const results = table
    .split("\n")
    .slice(2)
    .flatMap((line) => /^(.+?) {2,}(ok|FAILED|not run) {2,}(.+)$/.exec(line)?.slice(1) ?? []);
  const expected = [
    ["device", "ok", /CPU harness, .* GB free; Node v/],
    ["lane layouts of ldmatrix and mma", "ok", /^3 cases$/],
    ["products of whole numbers", "ok", /^12 are exact$/],
    ["every kernel against plain loops", "ok", /^\d+ cases$/],
    ["operations against the reference, 200 steps against PyTorch's", "ok", /^\d+ tests$/],
    ["compute-sanitizer memcheck", "ok", /^no finding$/],
    ["compute-sanitizer racecheck", "ok", /^no finding$/],
    ["compute-sanitizer synccheck", "ok", /^no finding$/],
    ["compute-sanitizer initcheck", "FAILED", /^initcheck reports:$/],
    ["a small model: memory as planned", "ok", /GB planned and allocated/],
    ["a small model: learns", "ok", /^loss \d\.\d+ → \d\.\d+$/],
    ["a small model: speed", "ok", /tokens\/s, .* TFLOP\/s/],
    ["products left to cuBLASLt where it is faster", "ok", /^[1-9]\d* of \d+ shapes$/],
  ] as const;
  assert.equal(results.length, 3 * expected.length, stdout + stderr);
  for (const [index, [name, result, found]] of expected.entries()) {
    assert.deepEqual(results.slice(3 * index, 3 * index + 2), [name, result], stdout);
    assert.match(results[3 * index + 2]!, found);
  }
  assert.equal(status, 1, "a failed check fails the whole");
});

it("bench -- gpu puts us beside PyTorch at every micro-batch", { skip: missing ?? false }, () => {
  const folder = temporaryFolder();
  // Stands in for Python with PyTorch.
  const python = join(folder, "python");
  const result = JSON.stringify({ tokensPerSecond: 10, version: "torch of the test" });
  writeFileSync(python, `#!/bin/sh\ncat > ${join(folder, "job.json")}\necho '${result}'\n`, { mode: 0o755 });
  const bench = fileURLToPath(new URL("../bench/run.ts", import.meta.url));
  const words = [bench, "gpu", "--small", "--rounds", "3", "--microBatches", "1,2"];
  words.push("--library", library, "--python", python);
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /in bf16 on CPU harness, .*; peer: torch of the test/);
  for (const sequences of [1, 2]) {
    const row = new RegExp(`^${sequences} × 64 +([\\d,]+) .* 10 .* ([\\d.]+)$`, "m").exec(stdout);
    assert.ok(row !== null, stdout);
    const ours = Number(row[1]!.replaceAll(",", ""));
    assert.ok(Math.abs(Number(row[2]) - ours / 10) <= 0.1, "the ratio is ours over theirs");
  }
  const job = JSON.parse(readFileSync(join(folder, "job.json"), "utf8")) as Record<string, unknown>;
  assert.deepEqual([job.device, job.sequences, job.sequenceLength], ["cpu", 2, 64]);
});
