import assert from "node:assert/strict";
import { test } from "node:test";
import { explainRecord } from "../../pipeline/explain.ts";
import { PROFILES } from "../../pipeline/profiles.ts";

const record = (text: string) => ({ text, url: undefined, title: undefined, label: undefined });

test("every step, criterion and feature is told, also behind the step that drops", () => {
  const spam = "okna tanio, drzwi tanio, rolety tanio, okna promocja, bramy, parapety, ".repeat(6);
  const { steps, criteria, features, quality, text } = explainRecord(record(`<b>${spam}</b>`), PROFILES.web);
  assert.equal(text, undefined);
  assert.equal(steps.find(({ step }) => step === "html")?.outcome, "changed");
  assert.deepEqual(
    steps.filter(({ outcome }) => outcome === "dropped").map(({ step, reason }) => `${step}: ${reason}`),
    ["composition: few-stop-words", "repetition: top-2-gram", "quality: low-quality"],
  );
  assert.ok(quality < 0.5);
  const stopWords = criteria.find(({ reason }) => reason === "few-stop-words");
  assert.deepEqual(
    [stopWords?.value, stopWords?.least, stopWords?.most, stopWords?.passes],
    [0, 2, null, false],
  );
  assert.match(stopWords?.meaning ?? "", /F2/);
  const variety = features.find(({ name }) => name === "different words among the first 200");
  assert.ok(variety !== undefined && variety.fault > 0.5 && variety.cost > 0);
  const cost = features.reduce((sum, feature) => sum + feature.cost, 0);
  assert.ok(Math.abs(1 - cost - quality) < 1e-9 || quality === 0);
});
