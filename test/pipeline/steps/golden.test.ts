import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { TextMeasures } from "../../../pipeline/measures/text-measures.ts";
import { PROFILES, type ProfileName } from "../../../pipeline/profiles.ts";
import { STEPS } from "../../../pipeline/steps/index.ts";
import type { DocumentFacts } from "../../../pipeline/steps/step.ts";

/** What stands beside the text in records that hold nothing else. */
const NO_FACTS: DocumentFacts = { label: undefined, changedBy: [] };

/**
 * `test/golden/steps/STEP/NAME.in.txt` goes through STEP and must give `NAME.out.txt`, or be dropped for the
 * reason in `NAME.drop.txt`. `NAME.facts.json`, where it is there, tells what is known beside the text. New cases
 * need no code. The profile is the web's, but where only another one has the step do its whole work.
 */
const PROFILE_OF: Readonly<Record<string, ProfileName>> = { "forum-markup": "forum" };
const GOLDEN = new URL("../../golden/steps/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, GOLDEN), "utf8");

for (const step of STEPS) {
  const inputs = existsSync(new URL(step.name, GOLDEN))
    ? readdirSync(new URL(step.name, GOLDEN)).filter((name) => name.endsWith(".in.txt"))
    : [];
  test(`${step.name}: ${inputs.length} golden cases`, () => {
    assert.ok(inputs.length > 0, `${step.name} has no golden case`);
    const apply = step.create(PROFILES[PROFILE_OF[step.name] ?? "web"]);
    assert.ok(apply);
    for (const input of inputs) {
      const base = `${step.name}/${input.slice(0, -".in.txt".length)}`;
      const expected = existsSync(new URL(`${base}.drop.txt`, GOLDEN))
        ? { keep: false, reason: read(`${base}.drop.txt`).trim() }
        : { keep: true, text: read(`${base}.out.txt`) };
      const facts: DocumentFacts = existsSync(new URL(`${base}.facts.json`, GOLDEN))
        ? JSON.parse(read(`${base}.facts.json`))
        : NO_FACTS;
      const text = read(`${base}.in.txt`);
      assert.deepEqual(apply(text, new TextMeasures(text), facts), expected, base);
    }
  });
}
