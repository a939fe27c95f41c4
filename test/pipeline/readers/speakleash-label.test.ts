import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRecord } from "../../../pipeline/readers/record.ts";
import { speakleashLabel } from "../../../pipeline/readers/speakleash-label.ts";

/** A thousand words of middling prose: LOW by no rule, HIGH by no group. */
const MIDDLING = {
  words: 1000,
  camel_case: 5,
  punctuations: 200,
  symbols: 0,
  oovs: 100,
  pos_x: 5,
  lexical_density: 0.5,
  gunning_fog: 12,
  avg_sentence_length: 15,
};

test("no LOW and no whole group HIGH is MEDIUM", () => {
  assert.equal(speakleashLabel(MIDDLING), "MEDIUM");
});

for (const [name, values] of Object.entries({
  camel_case: [11],
  punctuations: [90, 410],
  symbols: [11],
  oovs: [151],
  pos_x: [71],
  lexical_density: [0.19, 0.81],
  gunning_fog: [14.1],
  avg_sentence_length: [4.9, 35.1],
})) {
  for (const value of values) {
    test(`${name} of ${value} is LOW`, () => {
      assert.equal(speakleashLabel({ ...MIDDLING, [name]: value }), "LOW");
    });
  }
}

for (const group of [{ camel_case: 2 }, { oovs: 49 }, { gunning_fog: 9.9 }]) {
  test(`${JSON.stringify(group)} completes a group: HIGH`, () => {
    assert.equal(speakleashLabel({ ...MIDDLING, ...group }), "HIGH");
  });
}

test("without a feature there is no label", () => {
  const { oovs: _, ...rest } = MIDDLING;
  assert.equal(speakleashLabel(rest), undefined);
  assert.equal(speakleashLabel({ ...MIDDLING, words: 0 }), undefined);
});

test("a record's meta gives the label, as an object or as a Python dictionary in a string", () => {
  const python = `{${Object.entries({ ...MIDDLING, gunning_fog: 20.5 })
    .map(([key, value]) => `'${key}': ${value}`)
    .join(", ")}, 'quality': 'HIGH'}`;
  for (const [meta, label] of [
    [MIDDLING, "MEDIUM"],
    [python, "LOW"],
    [{ url: "x" }, undefined],
  ] as const) {
    const parsed = parseRecord(Buffer.from(JSON.stringify({ text: "Tekst.", meta })));
    assert.ok(parsed.ok);
    assert.equal(parsed.record.label, label);
  }
});
