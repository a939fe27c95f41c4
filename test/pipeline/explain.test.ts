import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { explainText, readPlace } from "../../pipeline/explain.ts";
import { writeJsonl } from "../support/corpus.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = temporaryFolder();

test("every step and every feature is told, also behind the step that drops", () => {
  const spam = "okna tanio, drzwi tanio, rolety tanio, okna promocja, bramy, parapety, ".repeat(6);
  const { steps, features, quality, text } = explainText(`<b>${spam}</b>`, "web");
  assert.equal(text, undefined);
  assert.equal(steps.find(({ step }) => step === "html")?.outcome, "changed");
  assert.deepEqual(
    steps.filter(({ outcome }) => outcome === "dropped").map(({ step, reason }) => `${step}: ${reason}`),
    ["repetition: top-2-gram", "quality: low-quality"],
  );
  assert.ok(quality < 0.55);
  const stopWords = features.find(({ name }) => name === "stop words a word");
  assert.deepEqual([stopWords?.value, stopWords?.fault], [0, 1]);
});

test("a place is a file and a line that holds a text", async () => {
  const path = join(root, "two.jsonl");
  writeJsonl(path, [{ text: "pierwszy" }, { meta: {} }]);
  assert.equal(await readPlace(`${path}:1`), "pierwszy");
  await assert.rejects(readPlace(`${path}:2`), /two\.jsonl:2: no-text/);
  await assert.rejects(readPlace(`${path}:3`), /fewer lines/);
  await assert.rejects(readPlace(path), /expected FILE:LINE/);
});
