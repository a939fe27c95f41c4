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
  /** Whether lines that only carry a site's furniture (menus, consent, sharing) are removed. */
  readonly removeBoilerplate: boolean;
  /** Whether hard-wrapped lines are joined; off where line ends carry meaning. */
  readonly reflow: boolean;
}

const PROSE: Profile = {
  minCharacters: 200,
  minWords: 30, // [G] says 50 for English; Polish words are longer, and 200 characters are about 30 of them
  maxWords: 1_000_000, // [G] says 100,000; whole novels of 180,000 words are wanted here
  averageWordLength: [3, 12],
  minAlphabeticWords: 0.726,
  maxDuplicateLines: 0.32,
  maxTopNgram: [0.222, 0.198, 0.176],
  maxDuplicateNgrams: [0.172, 0.16, 0.148, 0.136, 0.123, 0.111],
  maxBulletLines: 0.9,
  maxEllipsisLines: 0.3,
  maxSymbolsPerWord: 0.1,
  removeBoilerplate: true,
  reflow: true,
};

/** Refrains, formulas and turns of phrase repeat in these genres; being repetitive is not being broken. */
const REPETITIVE = {
  maxDuplicateLines: 0.5,
  maxTopNgram: [0.3, 0.26, 0.24],
  maxDuplicateNgrams: [0.35, 0.33, 0.31, 0.29, 0.27, 0.25],
} as const satisfies Partial<Profile>;

export const PROFILES = {
  prose: PROSE,
  web: PROSE,
  news: PROSE,
  encyclopaedia: PROSE,
  scientific: PROSE,
  forum: { ...PROSE, maxEllipsisLines: 0.5 },
  dialogue: { ...PROSE, ...REPETITIVE, maxEllipsisLines: 0.6 },
  subtitles: { ...PROSE, ...REPETITIVE, maxEllipsisLines: 0.6, reflow: false },
  legal: { ...PROSE, ...REPETITIVE, removeBoilerplate: false },
  poetry: { ...PROSE, ...REPETITIVE, minWords: 20, reflow: false },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

export const PROFILE_NAMES = Object.keys(PROFILES) as [ProfileName, ...ProfileName[]];
