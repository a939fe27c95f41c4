import { z } from "zod";
import type { QualityLabel } from "../profiles.ts";

/** The counts and scores of a Speakleash record's `meta` that its quality label is made of. */
const featuresSchema = z.object({
  words: z.number().positive(),
  camel_case: z.number(),
  punctuations: z.number(),
  symbols: z.number(),
  oovs: z.number(),
  pos_x: z.number(),
  lexical_density: z.number(),
  gunning_fog: z.number(),
  avg_sentence_length: z.number(),
});

type Features = z.infer<typeof featuresSchema>;

interface Rule {
  readonly of: (features: Features) => number;
  readonly isLow: (value: number) => boolean;
  readonly isHigh: (value: number) => boolean;
}

const outside = (least: number, most: number) => (value: number) => value < least || value > most;

const CAMEL: Rule = {
  of: ({ camel_case }) => camel_case,
  isLow: (value) => value > 10,
  isHigh: (value) => value < 3,
};
const PUNCTUATION: Rule = {
  of: ({ punctuations, words }) => punctuations / words,
  isLow: outside(0.1, 0.4),
  isHigh: (value) => value > 0.1 && value <= 0.35,
};
const SYMBOLS: Rule = {
  of: ({ symbols, words }) => symbols / words,
  isLow: (value) => value > 0.01,
  isHigh: (value) => value === 0,
};
const OUT_OF_DICTIONARY: Rule = {
  of: ({ oovs, words }) => oovs / words,
  isLow: (value) => value > 0.15,
  isHigh: (value) => value < 0.05,
};
const UNKNOWN_PART_OF_SPEECH: Rule = {
  of: ({ pos_x, words }) => pos_x / words,
  isLow: (value) => value > 0.07,
  isHigh: (value) => value < 0.01,
};
const LEXICAL_DENSITY: Rule = {
  of: ({ lexical_density }) => lexical_density,
  isLow: outside(0.2, 0.8),
  isHigh: (value) => value > 0.4 && value < 0.6,
};
const FOG: Rule = {
  of: ({ gunning_fog }) => gunning_fog,
  isLow: (value) => value > 14,
  isHigh: (value) => value < 10,
};
const SENTENCE_LENGTH: Rule = {
  of: ({ avg_sentence_length }) => avg_sentence_length,
  isLow: outside(5, 35),
  isHigh: (value) => value > 10 && value < 26,
};

const GROUPS: readonly (readonly Rule[])[] = [
  [SYMBOLS, PUNCTUATION, CAMEL],
  [UNKNOWN_PART_OF_SPEECH, OUT_OF_DICTIONARY],
  [SENTENCE_LENGTH, FOG, LEXICAL_DENSITY],
];

/**
 * Speakleash's label by its published rules: LOW if any feature is; otherwise HIGH if one whole group is;
 * otherwise MEDIUM. Undefined when `meta` lacks a feature.
 */
export function speakleashLabel(meta: object | undefined): QualityLabel | undefined {
  if (meta === undefined || !("camel_case" in meta)) return undefined; // most corpora: no need to ask the schema
  const features = featuresSchema.safeParse(meta).data;
  if (features === undefined) return undefined;
  const holds = (test: "isLow" | "isHigh") => (rule: Rule) => rule[test](rule.of(features));
  if (GROUPS.flat().some(holds("isLow"))) return "LOW";
  return GROUPS.some((group) => group.every(holds("isHigh"))) ? "HIGH" : "MEDIUM";
}
