import { share } from "../measures/share.ts";
import { atMost, select } from "./criterion.ts";
import { type Criterion, drop, keep, type Step } from "./step.ts";

const LINES: readonly Criterion[] = [
  {
    reason: "repeated-lines",
    threshold: "maxDuplicateLines",
    of: ({ lines }) => share(lines.duplicates, lines.count),
    range: ({ maxDuplicateLines }) => atMost(maxDuplicateLines),
  },
  {
    reason: "repeated-line-characters",
    threshold: "maxDuplicateLineCharacters",
    of: ({ lines }) => share(lines.duplicateCharacters, lines.characters),
    range: ({ maxDuplicateLineCharacters }) => atMost(maxDuplicateLineCharacters),
  },
];
const TOP: readonly Criterion[] = [2, 3, 4].map((n, i) => ({
  reason: `top-${n}-gram`,
  threshold: "maxTopNgram",
  of: (measures) => share(measures.topNgram(n), measures.words.characters),
  range: ({ maxTopNgram }) => atMost(maxTopNgram[i] as number),
}));
const REPEATED: readonly Criterion[] = [5, 6, 7, 8, 9, 10].map((n, i) => ({
  reason: `repeated-${n}-grams`,
  threshold: "maxDuplicateNgrams",
  of: (measures) => share(measures.repeatedNgrams(n), measures.words.characters),
  range: ({ maxDuplicateNgrams }) => atMost(maxDuplicateNgrams[i] as number),
}));

/**
 * Gopher's repetition filters with FineWeb-2's values for Polish: characters in repeated lines, in the most
 * frequent short n-gram, and in repeated longer n-grams, each as a share of all characters in words.
 */
export const repetition: Step = {
  name: "repetition",
  version: 3,
  criteria: [...LINES, ...TOP, ...REPEATED],
  create(profile) {
    const selectByLines = select(LINES, profile);
    return (text, measures, facts) => {
      const verdict = selectByLines(text, measures, facts);
      if (!verdict.keep) return verdict;
      const { words } = measures;
      // Healthy texts are decided by one pass: bounds on what n-grams of each length could reach.
      const { top, repeated } = measures.ngramBounds;
      for (const [i, limit] of profile.maxTopNgram.entries()) {
        const most = limit * words.characters;
        if ((top[i + 2] as number) > most && measures.topNgram(i + 2) > most)
          return drop(`top-${i + 2}-gram`);
      }
      for (const [i, limit] of profile.maxDuplicateNgrams.entries()) {
        const most = limit * words.characters;
        if ((repeated[i + 5] as number) > most && measures.repeatedNgrams(i + 5) > most)
          return drop(`repeated-${i + 5}-grams`);
      }
      return keep(text);
    };
  },
};
