import { detectLanguage } from "../measures/language-detector.ts";
import type { Words } from "../measures/words.ts";
import { drop, keep, type Step } from "./step.ts";

/** Certainly Polish: at least this share of stop words and of Polish-only letters, and hardly a foreign one.
 * Measured on the clean and dirty Polish corpora and short Czech, Slovak and English texts. */
const CERTAIN_STOP_WORDS = 0.06;
const CERTAIN_LETTERS = 0.0125;
const CERTAIN_FOREIGN = 0.01;
const CERTAIN_WORDS = 20;
/** Letters of other languages that names do not explain: so many, and such a share. */
const MIN_RELATIVE = 3;
const RELATIVE_LETTERS = 0.03;
const SILESIAN = "niy|żech|kaj|fto|tyż|bydzie|bōł|bōła|ôn|ôna|ino|skuli|zaś|eli|coby";
const SILESIAN_WORDS = new RegExp(`(?=${SILESIAN})(?<!\\p{L})(?:${SILESIAN})(?!\\p{L})`, "giu");
/** Spellings that Polish does not have: `prziszła`, `śniyg`. */
const SILESIAN_SPELLING = /(?<!\p{L})\p{L}*(?:rzi|iy)\p{L}*/giu;
/** Only Silesian has these letters in words that are no names; names of Japan have them in Polish texts too. */
const SILESIAN_VOWEL = /(?<!\p{L})(?=\p{Ll}+(?!\p{L}))\p{Ll}*?[ōŏô]/u;
const SILESIAN_LETTERS = /(?<!\p{L})(?=\p{Ll}+(?!\p{L}))\p{Ll}*?[ōŏ]\p{Ll}*/gu;
/** Polish knows some of these words, old texts more of them, but never so many. */
const SILESIAN_SHARE = 0.08;
/** The detector reads this much, a third of it from the beginning, the middle and the end: a chapter with an
 * English bibliography is Polish all the same (13 of 108 psychology chapters were lost by one sample, 2026-11). */
const SAMPLE_CHARACTERS = 3000;

/**
 * Keeps Polish. Certain cases are decided by stop words and letters; the rest goes to the `eld` detector
 * (large database), which tells Polish from Czech and Slovak better than its peers.
 */
export const language: Step = {
  name: "language",
  version: 4,
  create:
    () =>
    (text, { words }) => {
      if (words.letters === 0) return drop("no-language");
      if (words.otherScript > words.letters / 2) return drop("language-other-script");
      if (isPolish(words)) return keep(text);
      const detected = detectBySamples(text);
      if (detected !== "pl") return drop(`language-${detected === "" ? "unknown" : detected}`);
      const relative = relativeOfPolish(text, words);
      return relative === undefined ? keep(text) : drop(`language-${relative}`);
    },
};

/** The language most of three samples are in; Polish if at least one is and the other two disagree. */
export function detectBySamples(text: string): string {
  if (text.length <= SAMPLE_CHARACTERS) return detectLanguage(text);
  const part = SAMPLE_CHARACTERS / 3;
  const starts = [0, (text.length - part) >> 1, text.length - part];
  const found = starts.map((start) => detectLanguage(text.slice(start, start + part)));
  const [first = "", second, third] = found;
  if (first === second || first === third) return first;
  if (second !== undefined && second === third) return second;
  return found.includes("pl") ? "pl" : first;
}

/**
 * Kashubian and Silesian, which the detector does not know and takes for Polish: by the letters that they have
 * and Polish has not, and by Silesian's most usual words. ISO 639-3; undefined for Polish.
 */
function relativeOfPolish(
  text: string,
  { foreignLetters, letters, count }: Words,
): "csb" | "szl" | undefined {
  const hasLetters = foreignLetters >= MIN_RELATIVE && foreignLetters >= letters * RELATIVE_LETTERS;
  if (hasLetters && /[ëùòãé]/i.test(text) && !/[ōŏ]/i.test(text)) return "csb";
  if (hasLetters && SILESIAN_VOWEL.test(text)) return "szl";
  const number = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  if (/[ōŏ]/.test(text) && number(SILESIAN_LETTERS) >= count * SILESIAN_SHARE) return "szl";
  const usual = number(SILESIAN_WORDS) + (/rzi|iy/i.test(text) ? number(SILESIAN_SPELLING) : 0);
  return usual >= 2 && usual >= count * SILESIAN_SHARE ? "szl" : undefined;
}

/** As many Polish letters and stop words as no foreign text has, whatever names or quotations suggest to the detector. */
function isPolish(words: Words): boolean {
  return (
    words.count >= CERTAIN_WORDS &&
    words.stopWords >= words.count * CERTAIN_STOP_WORDS &&
    words.polishLetters >= words.letters * CERTAIN_LETTERS &&
    words.foreignLetters <= words.letters * CERTAIN_FOREIGN
  );
}
