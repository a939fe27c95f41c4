import { TextMeasures } from "../../../pipeline/measures/text-measures.ts";
import { PROFILES } from "../../../pipeline/profiles.ts";
import { STEPS } from "../../../pipeline/steps/index.ts";
import type { TextOf } from "./hostile-texts.ts";

/** The longer text is so many times as long as the shorter one. */
const GROWTH = 16;
/** Times as much time as for a linear step is too much: caches and collections take some, the square of the length 16. */
const TOLERANCE = 3;
/** Below this, in milliseconds, a time says nothing. */
const FLOOR = 0.05;
/** A slow step is slow each time, one that was disturbed is not: the shortest time of so many counts. */
const TRIES = 8;

/** Every step does all it can. */
const ALL = { ...PROFILES.web, removeQuotations: true, minLabel: "MEDIUM" } as const;
const FACTS = { label: undefined, changedBy: [] };
const steps = STEPS.flatMap(({ name, create }) => {
  const apply = create(ALL);
  return apply === undefined ? [] : [{ name, apply }];
});

/** The steps whose time grows faster than the text, with their times for `length` characters and for `GROWTH` times as many. */
export function slowSteps(textOf: TextOf, length: number): string[] {
  const [short, long] = [textOf(length), textOf(length * GROWTH)];
  return steps.flatMap(({ name, apply }) => {
    const time = (text: string) => {
      const since = performance.now();
      apply(text, new TextMeasures(text), FACTS);
      return performance.now() - since;
    };
    time(short); // compiles what it needs
    let [ofShort, ofLong] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = 0; i < TRIES; i++) {
      ofShort = Math.min(ofShort, time(short));
      ofLong = Math.min(ofLong, time(long));
      if (ofLong <= Math.max(ofShort, FLOOR) * GROWTH * TOLERANCE) return [];
    }
    return [`${name}: ${ofShort.toFixed(2)} and ${ofLong.toFixed(2)} ms`];
  });
}
