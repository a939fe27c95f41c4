import type { Lines } from "./lines.ts";
import type { Words } from "./words.ts";

/** What the features are made of. */
export interface QualityMeasures {
  readonly words: Words;
  readonly lines: Lines;
}

/** A figure of a text that needs no tagger, with the range in which healthy texts lie. */
export interface Feature {
  readonly name: string;
  readonly value: number;
  /** The 0.5th and 99.5th percentile of the healthy texts. */
  readonly healthy: readonly [number, number];
  /** 0 inside the healthy range, rising to 1 where no healthy text was seen. */
  readonly fault: number;
}

interface Definition {
  readonly name: string;
  readonly of: (measures: QualityMeasures) => number;
  readonly healthy: readonly [number, number];
  /** Where the fault is complete. */
  readonly worst: readonly [number, number];
  /** How much a complete fault takes from the score. */
  readonly weight: number;
}
const share = (part: number, whole: number) => part / Math.max(whole, 1);

/**
 * Tagger-free features that Bielik's classifier found most telling, each with its healthy range: the 0.5th
 * and 99.5th percentile over the 13,031 documents of clean prose and 22,815 of technical documentation
 * (2026-11), the wider of both. `worst` is where the outermost documents of either lie, or beyond.
 */
const DEFINITIONS: readonly Definition[] = [
  {
    name: "stop words a word",
    of: ({ words }) => share(words.stopWords, words.count),
    healthy: [0.07, 0.34],
    worst: [0.01, 0.5],
    weight: 0.5,
  },
  {
    name: "Polish letters a letter",
    of: ({ words }) => share(words.polishLetters, words.letters),
    healthy: [0.016, 0.11],
    worst: [0, 0.2],
    weight: 0.3,
  },
  {
    name: "words with a letter",
    of: ({ words }) => share(words.alphabetic, words.count),
    healthy: [0.77, 1],
    worst: [0.55, 1],
    weight: 0.4,
  },
  {
    name: "words a sentence end",
    of: ({ words }) => share(words.count, words.sentenceEnds),
    healthy: [2.8, 49],
    worst: [1, 150],
    weight: 0.3,
  },
  {
    name: "commas a word",
    of: ({ words }) => share(words.commas, words.count),
    healthy: [0, 0.21],
    worst: [0, 0.4],
    weight: 0.35,
  },
  {
    name: "capitals a letter",
    of: ({ words }) => share(words.upperCase, words.letters),
    healthy: [0, 0.18],
    worst: [0, 0.6],
    weight: 0.35,
  },
  {
    name: "digits a character",
    of: ({ words }) => share(words.digits, words.characters),
    healthy: [0, 0.068],
    worst: [0, 0.25],
    weight: 0.35,
  },
  {
    name: "odd characters a character",
    of: ({ words }) => share(words.oddCharacters, words.characters),
    healthy: [0, 0.028],
    worst: [0, 0.12],
    weight: 0.4,
  },
  {
    name: "characters a word",
    of: ({ words }) => share(words.characters, words.count),
    healthy: [4.37, 9.3],
    worst: [3.2, 12],
    weight: 0.3,
  },
  {
    name: "one-word lines a line",
    of: ({ lines }) => share(lines.oneWord, lines.count),
    healthy: [0, 0.53],
    worst: [0, 1],
    weight: 0.25,
  },
  {
    name: "different words a word (first 200)",
    of: ({ words }) => share(differentHashes(words.hashes.subarray(0, 200)), Math.min(words.count, 200)),
    healthy: [0.41, 1],
    worst: [0.2, 1],
    weight: 0.4,
  },
];

const differentTable = new Uint32Array(512);

/** How many different values there are among at most 200. */
function differentHashes(hashes: Uint32Array): number {
  const table = differentTable.fill(0);
  let different = 0;
  for (const hash of hashes) {
    let slot = hash & 511;
    while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) & 511;
    if (table[slot] === hash && hash !== 0) continue;
    table[slot] = hash;
    if (hash !== 0) different += 1;
  }
  return different;
}

/** Measures every feature of a text. */
export function featuresOf(measures: QualityMeasures): Feature[] {
  return DEFINITIONS.map(({ name, of, healthy, worst }) => {
    const value = of(measures);
    return { name, value, healthy, fault: faultOf(value, healthy, worst) };
  });
}

/** From 1 (every feature as in healthy texts) to 0. */
export function qualityOf(measures: QualityMeasures): number {
  let quality = 1;
  for (const { of, healthy, worst, weight } of DEFINITIONS) {
    quality -= faultOf(of(measures), healthy, worst) * weight;
  }
  return Math.max(0, quality);
}

function faultOf(
  value: number,
  [low, high]: readonly [number, number],
  worst: readonly [number, number],
): number {
  if (value < low) return Math.min(1, (low - value) / Math.max(low - worst[0], Number.EPSILON));
  if (value > high) return Math.min(1, (value - high) / Math.max(worst[1] - high, Number.EPSILON));
  return 0;
}
