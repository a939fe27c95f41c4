import { z } from "zod";

/*
 * Cleaning profiles: what counts as healthy text differs between a novel, a statute and a forum thread.
 * Every threshold can be set in datasets.yaml, for all profiles, for one, or for a data set (thresholds.ts).
 *
 * Where the values come from:
 *   [SL] Speakleash: its quality label, and its post-processor's least length;
 *   [G]  Gopher (Rae et al. 2021, appendix A);
 *   [F2] FineWeb-2, configuration of `pol_Latn`;
 *   [M]  measured by `npm run bench -- quality` on the clean and dirty Polish corpora (2026-11).
 */

const share = z.number().min(0).max(1);
const count = z.number().int().min(0);
const range = z
  .tuple([z.number().min(0), z.number().min(0)])
  .refine(([low, high]) => low <= high, "expected [least, most]");

/** Labels of Speakleash's quality, the worst first. */
export const QUALITY_LABELS = ["LOW", "MEDIUM", "HIGH"] as const;

/** All thresholds and switches of a profile; a description is what `apt3 explain` says of it. */
export const profileSchema = z.strictObject({
  minCharacters: count.describe("characters a document must exceed [SL: 200]"),
  minWords: count.describe("words at least [G: 50]"),
  maxWords: count.describe("words at most [G: 100,000]"),
  minLabel: z.enum(QUALITY_LABELS).describe("worst of Speakleash's labels that is kept [SL]"),
  maxForeignShare: share.describe("characters in paragraphs of another language [M]"),
  averageWordLength: range.describe("characters a word, on average [G, F2: 3–12]"),
  minAlphabeticWords: share.describe("words with at least one letter [F2: 0.726]"),
  minStopWords: count.describe("different words among FineWeb-2's 20 most usual [G, F2: 2]"),
  maxSymbolsPerWord: z.number().min(0).describe("`#` and `…` a word [G: 0.1]"),
  maxBulletLines: share.describe("lines that begin with a bullet, where few stand in paragraphs [G: 0.9]"),
  maxEllipsisLines: share.describe("lines that end in an ellipsis [G: 0.3]"),
  minPunctuatedLines: share.describe("lines that end in punctuation [F2: 0.087]"),
  maxLineEndsPerWord: z
    .number()
    .min(0)
    .describe("line ends a word, where few stand in paragraphs [F2: 0.158]"),
  maxDuplicateLines: share.describe("lines that repeat an earlier one [G, F2: 0.32]"),
  maxDuplicateLineCharacters: share.describe("characters in such lines [F2: 0.1]"),
  maxTopNgram: z
    .tuple([share, share, share])
    .describe("characters in the most frequent 2-, 3- and 4-gram of words [F2]"),
  maxDuplicateNgrams: z
    .tuple([share, share, share, share, share, share])
    .describe("characters in repeated 5- to 10-grams of words [F2]"),
  minQuality: share.describe("quality score, from 0 to 1 [M]"),
  removeBoilerplate: z.boolean().describe("lines that only carry a site's furniture are removed"),
  removeForeignParagraphs: z.boolean().describe("long paragraphs of another language are removed"),
  removeRepeatedLines: z
    .boolean()
    .describe("lines that repeat the one before, and labels on every post, are removed"),
  removePageFurniture: z.boolean().describe("page numbers, running heads and OCR's garbage are removed"),
  removeQuotations: z.boolean().describe("lines quoted from other posts and signatures are removed"),
  reflow: z.boolean().describe("hard-wrapped lines are joined; off where line ends carry meaning"),
  maxDocumentsPerLine: count.describe("documents of the data set a line may stand in; 0: any number"),
  maxDocumentsPerParagraph: count.describe("the same for paragraphs between blank lines; 0: any number"),
  anonymise: z.boolean().describe("e-mails, phone numbers and other identifiers become placeholders"),
});

export type Profile = Readonly<z.infer<typeof profileSchema>>;
export type QualityLabel = (typeof QUALITY_LABELS)[number];

const PROSE: Profile = {
  minCharacters: 200,
  minWords: 20, // [G] says 50 for English; 200 characters of Polish are 27 words, and 134 turns of 5,323 in the Sejm have fewer than 30
  maxWords: 1_000_000, // [G] says 100,000; whole novels of 180,000 words are wanted here
  minLabel: "MEDIUM",
  maxForeignShare: 0.5,
  averageWordLength: [3, 12],
  minAlphabeticWords: 0.726,
  minStopWords: 2,
  // [G] says 0.1; … is speech in novels and verse (20 of 4,339 book pages above 0.1)
  maxSymbolsPerWord: 0.2,
  maxBulletLines: 0.9,
  // [G] says 0.3 of web pages' lines, cut off by teasers. Dialogue trails off: on novels and book pages 0.3
  // drops 5.8 and 6.6 % of the documents, 0.7 drops 0.2 % (2026-11).
  maxEllipsisLines: 0.7,
  // [F2] says 0.087 and 0.158 of web pages. Books hold verse and drama, and their pages end inside a sentence:
  // both values together drop 11.6 % of 4,339 book pages (2026-11).
  minPunctuatedLines: 0,
  maxLineEndsPerWord: 0.35,
  maxDuplicateLines: 0.5, // [F2] says 0.32; ornaments and names of speakers repeat, and have few characters
  maxDuplicateLineCharacters: 0.1,
  maxTopNgram: [0.222, 0.198, 0.176],
  maxDuplicateNgrams: [0.172, 0.16, 0.148, 0.136, 0.123, 0.111],
  minQuality: 0.5, // the border between clean texts and wrecks
  removeBoilerplate: true,
  removeForeignParagraphs: false,
  removeRepeatedLines: false,
  removePageFurniture: true,
  removeQuotations: false,
  reflow: true,
  // off: refrains, formulas of law and short turns of dialogue stand in many documents and belong there
  maxDocumentsPerLine: 0,
  maxDocumentsPerParagraph: 0,
  anonymise: true,
};

/** Pages of the web, where an ellipsis marks a text that was cut off: Gopher's own values. */
const WEB: Profile = {
  ...PROSE,
  maxEllipsisLines: 0.3,
  maxSymbolsPerWord: 0.1,
  minPunctuatedLines: 0.087,
  maxLineEndsPerWord: 0.158,
  maxDuplicateLines: 0.32,
  maxForeignShare: 0.7, // what is left is Polish
  removeForeignParagraphs: true,
  removeRepeatedLines: true,
};

/** Refrains, formulas and turns of phrase repeat in these genres; being repetitive is not being broken. */
const REPETITIVE = {
  maxDuplicateLines: 0.5,
  maxDuplicateLineCharacters: 0.5,
  maxTopNgram: [0.3, 0.26, 0.24],
  maxDuplicateNgrams: [0.35, 0.33, 0.31, 0.29, 0.27, 0.25],
} as const satisfies Partial<Profile>;

/** Short lines, or sentences longer than 35 words: what Speakleash calls low quality is these genres' form. */
const OWN_FORM = {
  minLabel: "LOW",
  minPunctuatedLines: 0,
  maxLineEndsPerWord: 1,
} as const satisfies Partial<Profile>;

export const PROFILES = {
  prose: PROSE,
  web: WEB,
  news: WEB,
  encyclopaedia: WEB,
  // Cells of tables repeat; the longest foreign passages are lists of references.
  scientific: {
    ...WEB,
    removeRepeatedLines: false,
    maxDuplicateLines: 0.5,
    maxLineEndsPerWord: 0.35,
    maxForeignShare: 0.98,
  },
  // Posts and chats are short lines without full stops, in slang and often without diacritics, and smileys are words
  // without letters. At these two values 6 of 1,840 wreckages pass, at the web's 4; of 970 chats and letters 41 more (2026-11).
  forum: {
    ...WEB,
    minAlphabeticWords: 0.65,
    minQuality: 0.4,
    maxEllipsisLines: 0.5,
    minPunctuatedLines: 0,
    maxLineEndsPerWord: 0.35,
    removeQuotations: true,
  },
  dialogue: { ...PROSE, ...REPETITIVE, ...OWN_FORM, minStopWords: 1, removeBoilerplate: false },
  subtitles: { ...PROSE, ...REPETITIVE, ...OWN_FORM, reflow: false, removePageFurniture: false },
  // "podlega karze pozbawienia wolności od …": chapters of the penal codes reach 0.43 of 5-grams (2026-11).
  legal: {
    ...PROSE,
    ...REPETITIVE,
    ...OWN_FORM,
    maxDuplicateNgrams: [0.5, 0.48, 0.46, 0.43, 0.4, 0.38],
    removeBoilerplate: false,
  },
  poetry: { ...PROSE, ...REPETITIVE, ...OWN_FORM, reflow: false, removePageFurniture: false },
  // Collections of single sentences, jokes, proverbs, definitions: a sentence is a document, lists are usual.
  sentences: {
    ...PROSE,
    ...REPETITIVE,
    ...OWN_FORM,
    minCharacters: 20,
    minWords: 4,
    minStopWords: 0,
    minQuality: 0.4, // one sentence says little about itself
    removeBoilerplate: false,
    maxBulletLines: 1,
    maxEllipsisLines: 1, // a punch line trails off, and there are few others
    maxTopNgram: [0.4, 0.36, 0.34],
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

export const PROFILE_NAMES = Object.keys(PROFILES) as [ProfileName, ...ProfileName[]];
