import { z } from "zod";
import { formatCount } from "../../pipeline/runtime/sizes.ts";
import type { Tokenizer } from "../tokenizer.ts";

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
