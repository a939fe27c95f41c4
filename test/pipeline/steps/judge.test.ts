import assert from "node:assert/strict";
import { test } from "node:test";
import { TextMeasures } from "../../../pipeline/measures/text-measures.ts";
import { type Apply, judge } from "../../../pipeline/steps/step.ts";

const facts = { label: undefined, changedBy: [] };
const verdictOf = (apply: Apply) => judge(apply, "tekst", new TextMeasures("tekst"), facts);

test("a text on which a step runs out of stack is dropped with a reason of its own", () => {
  const deeper = (text: string): string => `${deeper(text)}!`;
  assert.deepEqual(
    verdictOf((text) => ({ keep: true, text: deeper(text) })),
    { keep: false, reason: "too-long-for-patterns" },
  );
});

test("other errors of a step are not hidden", () => {
  const tooLong = (): never => {
    throw new RangeError("Invalid array length");
  };
  assert.throws(() => verdictOf(tooLong), /Invalid array length/);
});
