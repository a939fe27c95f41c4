import { atLeast, atMost, select } from "./criterion.ts";
import type { Criterion, Step } from "./step.ts";

const CRITERIA: readonly Criterion[] = [
  {
    reason: "empty",
    threshold: "minCharacters",
    of: ({ text }) => text.length,
    range: () => atLeast(1),
  },
  {
    reason: "too-short",
    threshold: "minCharacters",
    of: ({ text }) => text.length,
    range: ({ minCharacters }) => atLeast(minCharacters + 1),
  },
  {
    reason: "too-few-words",
    threshold: "minWords",
    of: ({ words }) => words.count,
    range: ({ minWords }) => atLeast(minWords),
  },
  {
    reason: "too-many-words",
    threshold: "maxWords",
    of: ({ words }) => words.count,
    range: ({ maxWords }) => atMost(maxWords),
  },
];

/** Drops texts that are too short to teach anything, and texts of a length no document has. */
export const length: Step = {
  name: "length",
  version: 2,
  criteria: CRITERIA,
  create: (profile) => select(CRITERIA, profile),
};
