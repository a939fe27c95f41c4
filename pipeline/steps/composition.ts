import { drop, keep, type Step } from "./step.ts";

/**
 * Gopher's document filters with FineWeb-2's values for Polish: word length, share of words with letters,
 * symbols, bullet lines, lines cut with an ellipsis. What fails is a table, a listing, code or a keyword list.
 */
export const composition: Step = {
  name: "composition",
  version: 2,
  create: (profile) => (text, measures) => {
    const { words, lines } = measures;
    const [shortest, longest] = profile.averageWordLength;
    const averageLength = words.characters / Math.max(words.count, 1);
    if (averageLength < shortest) return drop("short-words");
    if (averageLength > longest) return drop("long-words");
    if (words.alphabetic < words.count * profile.minAlphabeticWords) return drop("few-letters");
    if (words.symbols > words.count * profile.maxSymbolsPerWord) return drop("symbols");
    if (lines.bullets > lines.count * profile.maxBulletLines) return drop("bullet-lines");
    if (lines.ellipses > lines.count * profile.maxEllipsisLines) return drop("ellipsis-lines");
    return keep(text);
  },
};
