import { drop, keep, type Step } from "./step.ts";
import { readWords } from "./words.ts";

const BULLET = /^\s*[-–•*·▪►‣]\s/;
const ELLIPSIS = /(?:…|\.\.\.)\s*$/;
const SYMBOLS = /#|…|\.\.\./g;

/**
 * Gopher's document filters with FineWeb-2's values for Polish: word length, share of words with letters,
 * symbols, bullet lines, lines cut with an ellipsis. What fails is a table, a listing, code or a keyword list.
 */
export const composition: Step = {
  name: "composition",
  version: 1,
  create: (profile) => (text) => {
    const words = readWords(text);
    const [shortest, longest] = profile.averageWordLength;
    const averageLength = words.lengths.reduce((sum, length) => sum + length, 0) / Math.max(words.count, 1);
    if (averageLength < shortest) return drop("short-words");
    if (averageLength > longest) return drop("long-words");
    if (words.alphabetic < words.count * profile.minAlphabeticWords) return drop("few-letters");
    const symbols = text.match(SYMBOLS)?.length ?? 0;
    if (symbols > words.count * profile.maxSymbolsPerWord) return drop("symbols");

    const lines = text.split("\n").filter((line) => line !== "");
    const share = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length / lines.length;
    if (share(BULLET) > profile.maxBulletLines) return drop("bullet-lines");
    if (share(ELLIPSIS) > profile.maxEllipsisLines) return drop("ellipsis-lines");
    return keep(text);
  },
};
