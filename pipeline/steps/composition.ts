import { share } from "../measures/share.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { atLeast, atMost, select } from "./criterion.ts";
import type { Criterion, Step } from "./step.ts";

/** One or two lines say nothing of how a text's lines end. */
const FEW_LINES = 3;

/**
 * Share of the characters that stand in paragraphs from which on a text's other lines are not held against it: a list or a
 * listing stands between them. Of web pages dropped for their many lines, those above it read as prose (2026-11).
 */
const MIN_PROSE = 0.4;
const isProse = ({ lines }: TextMeasures) => lines.prose >= lines.characters * MIN_PROSE;

const CRITERIA: readonly Criterion[] = [
  {
    reason: "short-words",
    threshold: "averageWordLength",
    of: ({ words }) => share(words.characters, words.count),
    range: ({ averageWordLength }) => atLeast(averageWordLength[0]),
  },
  {
    reason: "long-words",
    threshold: "averageWordLength",
    of: ({ words }) => share(words.characters, words.count),
    range: ({ averageWordLength }) => atMost(averageWordLength[1]),
  },
  {
    reason: "few-letters",
    threshold: "minAlphabeticWords",
    of: ({ words }) => share(words.alphabetic, words.count),
    range: ({ minAlphabeticWords }) => atLeast(minAlphabeticWords),
  },
  {
    reason: "few-stop-words",
    threshold: "minStopWords",
    of: ({ words }) => words.usualWords,
    range: ({ minStopWords }) => atLeast(minStopWords),
  },
  {
    reason: "symbols",
    threshold: "maxSymbolsPerWord",
    of: ({ words }) => share(words.symbols, words.count),
    range: ({ maxSymbolsPerWord }) => atMost(maxSymbolsPerWord),
  },
  {
    reason: "bullet-lines",
    threshold: "maxBulletLines",
    of: (measures) => (isProse(measures) ? 0 : share(measures.lines.bullets, measures.lines.count)),
    range: ({ maxBulletLines }) => atMost(maxBulletLines),
  },
  {
    reason: "ellipsis-lines",
    threshold: "maxEllipsisLines",
    of: ({ lines }) => share(lines.ellipses, lines.count),
    range: ({ maxEllipsisLines }) => atMost(maxEllipsisLines),
  },
  {
    reason: "unpunctuated-lines",
    threshold: "minPunctuatedLines",
    of: ({ lines }) => (lines.count < FEW_LINES ? 1 : share(lines.punctuated, lines.count)),
    range: ({ minPunctuatedLines }) => atLeast(minPunctuatedLines),
  },
  {
    // the ends between lines, blank ones left out: FineWeb-2's extraction gives no blank lines
    reason: "many-line-ends",
    threshold: "maxLineEndsPerWord",
    of: (measures) => (isProse(measures) ? 0 : share(measures.lines.count - 1, measures.words.count)),
    range: ({ maxLineEndsPerWord }) => atMost(maxLineEndsPerWord),
  },
];

/**
 * Gopher's document filters with FineWeb-2's values for Polish: word length, share of words with letters,
 * stop words, symbols, shapes of lines. What fails is a table, a listing, code or a keyword list.
 */
export const composition: Step = {
  name: "composition",
  version: 4,
  criteria: CRITERIA,
  create: (profile) => select(CRITERIA, profile),
};
