import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { finish, runApt3, startApt3 } from "./support/apt3.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "./support/corpus.ts";
import { hashOutput, temporaryFolder } from "./support/folders.ts";

const root = temporaryFolder();

const words = (out: string) => ["ingest", "--config", "datasets.yaml", "--out", out, "--workers", "1"];

before(async () => {
  const sources = ["first", "second", "third"].map((name) => ({ name, path: `${name}.jsonl.zst` }));
  for (const [i, { path }] of sources.entries()) {
    writeJsonl(
      join(root, path),
      Array.from({ length: 3000 }, (_, k) => ({ text: polishText(i * 3000 + k) })),
    );
  }
  writeDatasetsYaml(join(root, "datasets.yaml"), sources);
  assert.equal((await runApt3(words("whole"), { cwd: root })).code, 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} ends a command with 130 and one line, and the same command continues`, async () => {
    const child = startApt3(words(signal), root);
    await once(child.stderr!, "data"); // the first data set is done
    child.kill(signal);
    const { code, stderr } = await finish(child);
    assert.equal(code, 130, stderr);
    assert.match(
      stderr,
      new RegExp(`apt3 ingest: stopped by ${signal}; run the same command again to continue`),
    );
    assert.doesNotMatch(stderr, /^\s+at /m);

    assert.equal((await runApt3(words(signal), { cwd: root })).code, 0);
    assert.deepEqual(hashOutput(join(root, signal)), hashOutput(join(root, "whole")));
    // What `--limit` has left is known after an interruption, because every unit says what it read.
    const { unit }: { unit: { inputBytes: number; statistics: { bytesRead: number } } } = JSON.parse(
      readFileSync(join(root, signal, "journal/first-00000.json"), "utf8"),
    );
    assert.ok(unit.inputBytes >= unit.statistics.bytesRead, `${unit.inputBytes} bytes read`);
  });
}
