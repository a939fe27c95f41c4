import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { mergeWordRuns } from "../../tokenizer/training/merge-runs.ts";
import { WordListBuilder } from "../../tokenizer/training/word-list.ts";
import { writeWordRun } from "../../tokenizer/training/word-run.ts";
import { countTexts } from "./count-texts.ts";
import { finish } from "./finish.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const texts = Array.from(
  { length: 40 },
  (_, i) => `ala ma ${i % 7} kotów i ${"słowo".repeat(i % 5)} ${"x".repeat(i * 997)}`,
);

describe("word runs", () => {
  it("merged in any order equal one count of everything", async (test) => {
    const folder = await temporaryFolder(test);
    const paths: string[] = [];
    for (let i = 0; i < 4; i++) {
      paths.push(join(folder, `${i}.run`));
      await writeWordRun(paths[i] as string, countTexts(texts.slice(i * 10, i * 10 + 10)));
    }
    const expected = countTexts(texts);
    for (const order of [paths, paths.toReversed()]) {
      const merged = finish(mergeWordRuns(order));
      assert.deepEqual([...merged.counts], [...expected.counts]);
      assert.deepEqual(merged.bytes, expected.bytes);
    }
  });

  it("keep counts up to 2^53 and words longer than a read buffer", async (test) => {
    const path = join(await temporaryFolder(test), "a.run");
    const list = new WordListBuilder();
    list.add(new Uint8Array(700_000).fill(97), 0, 700_000, 2 ** 53);
    list.add(Uint8Array.of(98), 0, 1, 127);
    list.add(Uint8Array.of(98, 0), 0, 2, 128);
    await writeWordRun(path, list.build());
    const merged = finish(mergeWordRuns([path]));
    assert.deepEqual([...merged.counts], [2 ** 53, 127, 128]);
    assert.deepEqual([...merged.starts], [0, 700_000, 700_001, 700_003]);
  });

  it("cut short anywhere are an error, not a smaller count", async (test) => {
    const path = join(await temporaryFolder(test), "a.run");
    await writeWordRun(path, countTexts(["ala ma kota ala"]));
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      assert.throws(() => finish(mergeWordRuns([path])), UserError, `${length} of ${whole.length} bytes`);
    }
  });
});
