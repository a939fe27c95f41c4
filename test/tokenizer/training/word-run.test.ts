import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { type LoadWordsOptions, loadWords } from "../../../tokenizer/training/load-words.ts";
import { WordListBuilder } from "../../../tokenizer/training/word-list.ts";
import { writeWordRun } from "../../../tokenizer/training/word-run.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { countTexts } from "./count-texts.ts";

const utf8 = new TextEncoder();
const texts = Array.from(
  { length: 40 },
  (_, i) => `ala ma ${i % 7} kotów i ${"słowo".repeat(i % 5)} ${"x".repeat(i * 997)}`,
);

const load = (paths: readonly string[], options: Partial<LoadWordsOptions> = {}) =>
  loadWords(paths, { workFolder: "/nowhere", memoryBytes: 1e9, ...options }, silentContext());

describe("word runs", () => {
  it("merged in any order equal one count of everything", async (test) => {
    const folder = temporaryFolder(test);
    const paths: string[] = [];
    for (let i = 0; i < 4; i++) {
      paths.push(join(folder, `${i}.run`));
      await writeWordRun(paths[i] as string, countTexts(texts.slice(i * 10, i * 10 + 10)));
    }
    const expected = countTexts(texts);
    for (const order of [paths, paths.toReversed()]) {
      const merged = await load(order);
      assert.deepEqual([...merged.counts], [...expected.counts]);
      assert.deepEqual(merged.bytes, expected.bytes);
    }
  });

  it("keep counts up to 2^53 and words longer than a read buffer", async (test) => {
    const path = join(temporaryFolder(test), "a.run");
    const list = new WordListBuilder();
    list.add(new Uint8Array(700_000).fill(97), 0, 700_000, 2 ** 53);
    list.add(Uint8Array.of(98), 0, 1, 127);
    list.add(Uint8Array.of(98, 0), 0, 2, 128);
    await writeWordRun(path, list.build());
    const merged = await load([path]);
    assert.deepEqual([...merged.counts], [2 ** 53, 127, 128]);
    assert.deepEqual([...merged.starts], [0, 700_000, 700_001, 700_003]);
  });

  it("cut short anywhere are an error, not a smaller count", async (test) => {
    const path = join(temporaryFolder(test), "a.run");
    await writeWordRun(path, countTexts(["ala ma kota ala"]));
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      await assert.rejects(load([path]), UserError, `${length} of ${whole.length} bytes`);
    }
  });

  it("many are merged in several passes, with few files open at once", async (test) => {
    const folder = temporaryFolder(test);
    const paths: string[] = [];
    for (const [i, text] of texts.entries()) {
      paths.push(join(folder, `${i}.run`));
      await writeWordRun(paths[i] as string, countTexts([text]));
    }
    const merged = await load(paths, { workFolder: folder, fanIn: 3 });
    assert.deepEqual(merged.bytes, countTexts(texts).bytes);
    const passes = (await readdir(folder)).filter((name) => name.startsWith("merged-"));
    assert.equal(passes.length, 14 + 5 + 2, "40 runs by threes, then 14, then 5, then the last 2 at once");
    assert.deepEqual((await load(paths, { workFolder: folder, fanIn: 3 })).counts, merged.counts, "again");
  });

  it("beyond the memory lose their rarest words, and it is said which", async (test) => {
    const path = join(temporaryFolder(test), "a.run");
    const list = new WordListBuilder();
    for (let i = 0; i < 1000; i++)
      list.add(utf8.encode(`a${i.toString().padStart(4, "0")}`), 0, 5, 1 + (i % 10));
    await writeWordRun(path, list.build());
    const all = await load([path]);
    assert.deepEqual(all.pruning, { threshold: 1, prunedWords: 0, prunedOccurrences: 0 });
    const pruned = await load([path], { memoryBytes: 50_000 });
    assert.deepEqual(pruned.pruning, { threshold: 7, prunedWords: 600, prunedOccurrences: 2100 });
    assert.equal(pruned.size, 400);
    assert.equal(pruned.differentWords, 1000);
    assert.ok(pruned.counts.every((count) => count >= 7));
    await assert.rejects(load([path], { memoryBytes: 10 }), /--memory: too little/);
  });
});
