import type { Lines } from "./lines.ts";
import { CALIBRATION, PERFECT_LOGIT } from "./quality-calibration.ts";
import { share } from "./share.ts";
import { BEGINNING_WORDS, type Words } from "./words.ts";

/** What the features are made of. */
export interface QualityMeasures {
  readonly words: Words;
  readonly lines: Lines;
  /** Share of letter triples that Polish does not have. */
  readonly unlikely: number;
}

/** What is known of a feature from clean and from wrecked texts; see `npm run bench -- calibrate-quality`. */
export interface FeatureCalibration {
  /** The 0.5th and 99.5th percentile of the clean documents. */
  readonly healthy: readonly [number, number];
  /** Where a fault is complete: as far beyond the healthy range as its border is from the median. */
  readonly worst: readonly [number, number];
  /** How much a complete fault speaks for a wreck, in logits. */
  readonly weight: number;
}

/** A figure of a text that needs no tagger, with the range in which healthy texts lie. */
export interface Feature {
  readonly name: FeatureName;
  readonly value: number;
  readonly healthy: readonly [number, number];
  /** 0 inside the healthy range, rising to 1. */
  readonly fault: number;
  /** What the fault takes from the score. */
  readonly cost: number;
}

/**
 * The tagger-free features that Bielik's classifier found most telling, and some of our own. Unlikely letter
 * triples stand for words outside a dictionary.
 */
export const FEATURES = {
  "unlikely letter triples": ({ unlikely }) => unlikely,
  "stop words a word": ({ words }) => share(words.stopWords, words.count),
  "Polish letters a word": ({ words }) => share(words.polishLetters, words.count),
  "words without a letter": ({ words }) => share(words.count - words.alphabetic, words.count),
  "characters a word": ({ words }) => share(words.characters, words.count),
  "different words among the first 200": ({ words }) =>
    share(words.different, Math.min(words.count, BEGINNING_WORDS)),
  "words a sentence": ({ words }) => share(words.count, words.sentenceEnds),
  "commas a word": ({ words }) => share(words.commas, words.count),
  "colons a sentence": ({ words }) => share(words.colons, words.sentenceEnds),
  "capitals a letter": ({ words }) => share(words.upperCase, words.letters),
  "digits a character": ({ words }) => share(words.digits, words.characters),
  "special characters a character": ({ words }) => share(words.marks, words.characters),
  "characters not of running text": ({ words }) => share(words.oddCharacters, words.characters),
  "words a line": ({ words, lines }) => share(words.count, lines.count),
  "short lines": ({ lines }) => share(lines.short, lines.count),
  "one-word lines": ({ lines }) => share(lines.oneWord, lines.count),
  "repeated lines": ({ lines }) => share(lines.duplicates, lines.count),
  "blank lines": ({ lines }) => share(lines.blank, lines.count + lines.blank),
} as const satisfies Record<string, (measures: QualityMeasures) => number>;

export type FeatureName = keyof typeof FEATURES;

const CALIBRATIONS: Readonly<Record<FeatureName, FeatureCalibration>> = CALIBRATION;
const DEFINITIONS = Object.entries(FEATURES).map(([name, of]) => {
  const calibration = CALIBRATIONS[name as FeatureName];
  return { name: name as FeatureName, of: of as (measures: QualityMeasures) => number, ...calibration };
});

/** A weight in logits as a part of the score, in which half of `PERFECT_LOGIT`'s way leads to 0.5. */
const costOf = (weight: number) => weight / (2 * PERFECT_LOGIT);

/** Measures every feature of a text. */
export function featuresOf(measures: QualityMeasures): Feature[] {
  return DEFINITIONS.map(({ name, of, healthy, worst, weight }) => {
    const value = of(measures);
    const fault = faultOf(value, healthy, worst);
    return { name, value, healthy, fault, cost: fault * costOf(weight) };
  });
}

/** From 1 (every feature as in clean texts) to 0; at 0.5 a text is as likely a wreck as a text. */
export function qualityOf(measures: QualityMeasures): number {
  let quality = 1;
  for (const { of, healthy, worst, weight } of DEFINITIONS) {
    if (weight > 0) quality -= faultOf(of(measures), healthy, worst) * costOf(weight);
  }
  return Math.max(0, quality);
}

/** How far a value lies outside the healthy range, from 0 to 1. */
export function faultOf(
  value: number,
  [low, high]: readonly [number, number],
  worst: readonly [number, number],
): number {
  if (value < low) return Math.min(1, (low - value) / Math.max(low - worst[0], Number.EPSILON));
  if (value > high) return Math.min(1, (value - high) / Math.max(worst[1] - high, Number.EPSILON));
  return 0;
}
