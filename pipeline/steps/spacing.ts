import { SIGN } from "../measures/signs.ts";
import { unlikelyShare } from "../measures/trigrams.ts";
import { keep, type Step } from "./step.ts";

/** Letter-spaced words: five to twelve single letters with one space between; words are two spaces apart. */
const SPACED_WORD = /(?<![\p{L}\p{N}])(?:\p{L} ){4,11}\p{L}(?![\p{L}\p{N}])/gu;
const VOWEL = /[aeiouyąęó]/i;
const CONSONANT = /[^aeiouyąęó]/i;
const SMALL_WORDS = "aiouwzAIOUWZ";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/** Tokenised text has spaces before its marks; other text has hardly one. */
const MIN_LOOSE = 3;
const BEFORE_MARK = / +(?=[,.;:!?…)\]}%”»](?:[\s,.;:!?…)\]}”»"]|$))/g;
const AFTER_BRACKET = /(?<=(?:^|\s)[([{„«]) +/gm;
/** A pair of straight quotes that stand apart from what they quote. */
const QUOTED = /(^|\s)" ([^"\n]{1,300}?) "(?=[\s,.;:!?)]|$)/gm;

/** Quotation marks of TeX, which tokenisers write too: two backticks, and two apostrophes. */
const TEX_QUOTED = /`` ?((?:[^`'\n]|\n(?!\n)|'(?!')){1,300}?) ?''/g;
/** Fewer pairs prove nothing: an inch mark and a quotation stand apart from words as well. */
const MIN_QUOTED = 2;

/** Closes gaps that are not between words: letter-spaced emphasis, and the spaces a tokeniser put before marks. */
export const spacing: Step = {
  name: "spacing",
  version: 3,
  addsNoSigns: true,
  create: () => (text, measures) => {
    const joined = measures.has(SIGN.spacedLetter) ? text.replace(SPACED_WORD, joinLetters) : text;
    const closed = measures.has(SIGN.looseMark) ? closeMarks(joined) : joined;
    // what was joined or closed brings no quotation mark beside a space that was not there before
    if (!measures.has(SIGN.looseQuote)) return keep(closed);
    return keep(closed.includes("``") || closed.includes(' " ') ? closeQuotes(closed) : closed);
  },
};

/** `t e r a z` → `teraz`, unless the letters are an enumeration or initials. */
function joinLetters(spaced: string): string {
  const word = spaced.replaceAll(" ", "");
  const isOneCase =
    word.slice(1) === word.slice(1).toLowerCase() || (word.length > 4 && word === word.toUpperCase());
  const isWord = VOWEL.test(word) && CONSONANT.test(word) && !ALPHABET.includes(word.toLowerCase());
  return isOneCase && isWord ? apartFromSmallWords(word) : spaced;
}

/**
 * A word of one letter beside the spaced one looks like a part of it: `c z a r u i` is „czaru i”. It is one when
 * the letters together are no Polish word by their triples, and are one without it.
 */
function apartFromSmallWords(word: string): string {
  if (unlikelyShare(word) === 0) return word;
  const [first, last] = [word.charAt(0), word.charAt(word.length - 1)];
  const [behind, before] = [word.slice(1), word.slice(0, -1)];
  if (SMALL_WORDS.includes(first) && unlikelyShare(behind) === 0) return `${first} ${behind}`;
  if (SMALL_WORDS.includes(last) && unlikelyShare(before) === 0) return `${before} ${last}`;
  return word;
}

const isSpace = (character: string) => character === " ";
const isNoGap = (character: string) => character !== " " && /\S/.test(character);

/** How often a mark stands behind such a character, and before white space or the text's end. */
function countMarks(text: string, mark: string, isBefore: (character: string) => boolean): number {
  let count = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    const next = text.charAt(at + 1);
    const ends = next === " " || next === "" || /\s/.test(next);
    if (ends && isBefore(text.charAt(at - 1))) count += 1;
  }
  return count;
}

function closeQuotes(text: string): string {
  const plain = text.replace(TEX_QUOTED, '"$1"');
  return (plain.match(QUOTED)?.length ?? 0) < MIN_QUOTED ? plain : plain.replace(QUOTED, '$1"$2"');
}

function closeMarks(text: string): string {
  const loose = countMarks(text, ",", isSpace) + countMarks(text, ".", isSpace);
  if (loose < MIN_LOOSE || loose < countMarks(text, ",", isNoGap)) return text;
  return text.replace(QUOTED, '$1"$2"').replace(BEFORE_MARK, "").replace(AFTER_BRACKET, "");
}
