import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/** Letter-spaced words: five to twelve single letters with one space between; words are two spaces apart. */
const SPACED_WORD = /(?<![\p{L}\p{N}])(?:\p{L} ){4,11}\p{L}(?![\p{L}\p{N}])/gu;
const VOWEL = /[aeiouyąęó]/i;
const CONSONANT = /[^aeiouyąęó]/i;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/** Tokenised text has spaces before its marks; other text has hardly one. */
const LOOSE_MARK = / [,.](?=[\s]|$)/g;
const TIGHT_COMMA = /\S,(?=\s|$)/g;
const MIN_LOOSE = 3;
const BEFORE_MARK = / +(?=[,.;:!?…)\]}%”»](?:[\s,.;:!?…)\]}”»"]|$))/g;
const AFTER_BRACKET = /(?<=(?:^|\s)[([{„«]) +/gm;
/** A pair of straight quotes that stand apart from what they quote. */
const QUOTED = /(^|\s)" ([^"\n]{1,300}?) "(?=[\s,.;:!?)]|$)/gm;

/** Closes gaps that are not between words: letter-spaced emphasis, and the spaces a tokeniser put before marks. */
export const spacing: Step = {
  name: "spacing",
  version: 1,
  addsNoSigns: true,
  create: () => (text, measures) => {
    const joined = measures.has(SIGN.spacedLetter) ? text.replace(SPACED_WORD, joinLetters) : text;
    return keep(measures.has(SIGN.looseMark) ? closeMarks(joined) : joined);
  },
};

/** `t e r a z` → `teraz`, unless the letters are an enumeration or initials. */
function joinLetters(spaced: string): string {
  const word = spaced.replaceAll(" ", "");
  const isOneCase =
    word.slice(1) === word.slice(1).toLowerCase() || (word.length > 4 && word === word.toUpperCase());
  const isWord = VOWEL.test(word) && CONSONANT.test(word) && !ALPHABET.includes(word.toLowerCase());
  return isOneCase && isWord ? word : spaced;
}

function closeMarks(text: string): string {
  const loose = text.match(LOOSE_MARK)?.length ?? 0;
  if (loose < MIN_LOOSE || loose < (text.match(TIGHT_COMMA)?.length ?? 0)) return text;
  return text.replace(QUOTED, '$1"$2"').replace(BEFORE_MARK, "").replace(AFTER_BRACKET, "");
}
