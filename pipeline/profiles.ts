/**
 * Cleaning profiles: what counts as healthy text differs between a novel, a statute and a forum thread.
 * Sources of the thresholds:
 *   [SL] Speakleash post-processor: documents of more than 200 characters;
 *   [G]  Gopher (Rae et al. 2021, appendix A);
 *   [F2] FineWeb-2, configuration of `pol_Latn`.
 */
export interface Profile {
  /** Shorter documents are dropped, in characters [SL]. */
  readonly minCharacters: number;
  /** Words per document [G]; fewer or more are dropped. */
  readonly minWords: number;
  readonly maxWords: number;
  /** Average word length in characters [G, kept by F2]. */
  readonly averageWordLength: readonly [number, number];
  /** Share of words with at least one letter [F2: 0.726]. */
  readonly minAlphabeticWords: number;
  /** Characters in lines that repeat an earlier line [F2: 0.32]. */
  readonly maxDuplicateLines: number;
  /** Characters in the most frequent 2-, 3- and 4-gram of words [F2]. */
  readonly maxTopNgram: readonly [number, number, number];
  /** Characters in repeated 5- to 10-grams of words [F2]. */
  readonly maxDuplicateNgrams: readonly [number, number, number, number, number, number];
  /** Lines that begin with a bullet [G: 0.9]. */
  readonly maxBulletLines: number;
  /** Lines that end in an ellipsis [G: 0.3]. */
  readonly maxEllipsisLines: number;
  /** `#`, `…` and other symbols a word [G: 0.1]. */
  readonly maxSymbolsPerWord: number;
  /** Quality score from 0 to 1 below which a text is dropped; see measures/quality.ts. */
  readonly minQuality: number;
  /** Whether lines that only carry a site's furniture (menus, consent, sharing) are removed. */
  readonly removeBoilerplate: boolean;
  /** Whether hard-wrapped lines are joined; off where line ends carry meaning. */
  readonly reflow: boolean;
  /** Whether page numbers, running heads and OCR's garbage lines are removed. */
  readonly removePageFurniture: boolean;
  /** Whether lines quoted from other posts and signatures are removed. */
  readonly removeQuotations: boolean;
}

const PROSE: Profile = {
  minCharacters: 200,
  minWords: 20, // [G] says 50 for English; 200 characters of Polish are 27 words, and 134 turns of 5,323 in the Sejm have fewer than 30
  maxWords: 1_000_000, // [G] says 100,000; whole novels of 180,000 words are wanted here
  averageWordLength: [3, 12],
  minAlphabeticWords: 0.726,
  maxDuplicateLines: 0.32,
  maxTopNgram: [0.222, 0.198, 0.176],
  maxDuplicateNgrams: [0.172, 0.16, 0.148, 0.136, 0.123, 0.111],
  maxBulletLines: 0.9,
  // [G] says 0.3 of web pages' lines, cut off by teasers. Dialogue trails off: on novels and book pages 0.3
  // drops 5.8 and 6.6 % of the documents, 0.7 drops 0.2 % (2026-11).
  maxEllipsisLines: 0.7,
  maxSymbolsPerWord: 0.2, // [G] says 0.1; … is speech in novels and verse (20 of 4,339 book pages above 0.1)
  minQuality: 0.55,
  removeBoilerplate: true,
  reflow: true,
  removePageFurniture: true,
  removeQuotations: false,
};

/** Pages of the web, where an ellipsis marks a text that was cut off: Gopher's own values. */
const WEB: Profile = { ...PROSE, maxEllipsisLines: 0.3, maxSymbolsPerWord: 0.1 };

/** Refrains, formulas and turns of phrase repeat in these genres; being repetitive is not being broken. */
const REPETITIVE = {
  maxDuplicateLines: 0.5,
  maxTopNgram: [0.3, 0.26, 0.24],
  maxDuplicateNgrams: [0.35, 0.33, 0.31, 0.29, 0.27, 0.25],
} as const satisfies Partial<Profile>;

export const PROFILES = {
  prose: PROSE,
  web: WEB,
  news: WEB,
  encyclopaedia: WEB,
  scientific: WEB,
  forum: { ...WEB, maxEllipsisLines: 0.5, removeQuotations: true },
  dialogue: { ...PROSE, ...REPETITIVE, removeBoilerplate: false },
  subtitles: { ...PROSE, ...REPETITIVE, reflow: false, removePageFurniture: false },
  legal: { ...PROSE, ...REPETITIVE, removeBoilerplate: false },
  poetry: { ...PROSE, ...REPETITIVE, reflow: false, removePageFurniture: false },
  // Collections of single sentences, jokes, proverbs, definitions: a sentence is a document, lists are usual.
  sentences: {
    ...PROSE,
    ...REPETITIVE,
    minCharacters: 20,
    minWords: 4,
    minQuality: 0.4, // one sentence says little about itself
    removeBoilerplate: false,
    maxBulletLines: 1,
    maxTopNgram: [0.4, 0.36, 0.34],
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

export const PROFILE_NAMES = Object.keys(PROFILES) as [ProfileName, ...ProfileName[]];
