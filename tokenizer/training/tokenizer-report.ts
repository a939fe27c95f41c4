import { z } from "zod";
import { formatCount } from "../../pipeline/runtime/sizes.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { WordList } from "./word-list.ts";

const figure = z.number().min(0);

/** How well a tokenizer fits a text. */
export const textFitSchema = z.strictObject({
  documents: figure,
  /** Code points. */
  characters: figure,
  /** Runs of characters between white space. */
  words: figure,
  tokens: figure,
  charactersPerToken: figure,
  tokensPerWord: figure,
  /** Share of the tokens that are `<unk>`, 0 to 1. */
  unkShare: figure,
});

export type TextFit = z.infer<typeof textFitSchema>;

/** How much of a text its most frequent words are: `[words, share of all occurrences]`, in ascending order. */
export const coverageSchema = z.array(z.tuple([figure, figure]));

/** The coverage of the 100, 1,000, 10,000, … most frequent words, and of all. */
export function coverageCurve({ size, counts }: WordList): [number, number][] {
  const sorted = counts.slice(0, size).sort().reverse();
  const total = sorted.reduce((sum, count) => sum + count, 0);
  const curve: [number, number][] = [];
  let covered = 0;
  for (let i = 0, next = 100; i < size; i++) {
    covered += sorted[i] as number;
    if (i + 1 !== next && i + 1 !== size) continue;
    curve.push([i + 1, round(covered / total)]);
    next *= 10;
  }
  return curve;
}

/** Encodes texts and counts. */
export function measureFit(tokenizer: Tokenizer, texts: readonly string[]): TextFit {
  let characters = 0;
  let words = 0;
  let tokens = 0;
  let unknown = 0;
  for (const text of texts) {
    const ids = tokenizer.encode(text);
    tokens += ids.length;
    for (const id of ids) if (id === tokenizer.unkId) unknown += 1;
    for (const _ of text) characters += 1;
    words += text.match(/\S+/g)?.length ?? 0;
  }
  return {
    documents: texts.length,
    characters,
    words,
    tokens,
    charactersPerToken: round(characters / Math.max(tokens, 1)),
    tokensPerWord: round(tokens / Math.max(words, 1)),
    unkShare: round(unknown / Math.max(tokens, 1)),
  };
}

/** Six significant digits say all there is to say, and make the report's bytes easy to read. */
const round = (value: number) => Number(value.toPrecision(6));

/** The longest tokens of a vocabulary, longest first. */
export function longestTokens(tokens: readonly string[], count: number): string[] {
  return [...tokens].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).slice(0, count);
}

/** The fit in one line for people. */
export function describeFit(fit: TextFit): string {
  return [
    `${formatCount(fit.characters)} characters in ${formatCount(fit.tokens)} tokens`,
    `${fit.charactersPerToken.toFixed(2)} characters a token`,
    `${fit.tokensPerWord.toFixed(2)} tokens a word`,
    `${(100 * fit.unkShare).toFixed(3)} % <unk>`,
  ].join(", ");
}

/** The coverage curve in one line for people. */
export function describeCoverage(curve: readonly (readonly [number, number])[]): string {
  return curve.map(([words, share]) => `${formatCount(words)} ${(100 * share).toFixed(1)} %`).join(", ");
}
