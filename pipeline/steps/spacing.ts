import { NUMBER } from "../measures/numbers.ts";
import { SIGN } from "../measures/signs.ts";
import { unlikelyShare } from "../measures/trigrams.ts";
import { UNIT, unitKinds } from "../measures/unit-kinds.ts";
import { splitWords } from "../measures/word-borders.ts";
import { QuoteCounts } from "./quote-counts.ts";
import { keep, type Step } from "./step.ts";
import { closeTornWords } from "./torn-words.ts";

/** Letter-spaced words: single letters with one space between. Between words the space is the same, or two. */
const SPACED =
  /(?=[A-Za-zÀ-ž] [A-Za-zÀ-ž] )(?<![\p{L}\p{N}])(?:[A-Za-zÀ-ž] ){4,199}[A-Za-zÀ-ž](?![\p{L}\p{N}])/gu;
const VOWEL = /[aeiouyąęó]/i;
const CONSONANT = /[^aeiouyąęó]/i;
const ALPHABET = "aąbcćdeęfghijklłmnńoóprsśtuwyzźż";
const LATIN_ALPHABET = "abcdefghijklmnopqrstuvwxyz";
/** Letters of words of one letter, at most: more are initials, chords, or fields of a table. */
const MAX_SINGLE = 0.34;
/** Letter triples that Polish does not have, at most: names and foreign words have some, and so has a row of symbols. */
const MAX_UNLIKELY = 0.25;
const MAX_UNLIKELY_SYMBOLS = 0.15;
/** Rows of symbols are short, or capitals. */
const MAX_SYMBOLS = 5;

/** Tokenised text has spaces before its marks; other text has hardly one. */
const MIN_LOOSE = 3;
const BEFORE_MARK = / (?<! {2}) *(?![:;]-?[()])(?=[,.;:!?…)\]}%”»](?:[\s,.;:!?…)\]}”»"]|$))/g;
const AFTER_BRACKET = /(?= )(?<=(?:^|[\s"])[([{„«]) +/gm;
/** A pair of straight quotes that stand apart from what they quote; behind a figure it is an inch. */
const QUOTED =
  /(^|(?<!\d)\s)" ([\p{L}\p{N}(„«'](?:[^"\n]{0,798}[\p{L}\p{N}.,!?…)”»'%*])?) "(?=[\s,.;:!?)-]|$)/gmu;
const LOOSE_QUOTE = /" (?<=(?:^|[ \n])" )|"(?<= ")(?=\n|$)/;
/** A quotation mark apart, at a line's beginning, or before the dash behind what was said. */
const LONE_OPENING = /" (?<=^" )(?=[\p{Lu}\p{N}])/gmu;
const LONE_CLOSING = / "(?= [-–—] ?\p{Ll}|$)(?<=[\p{L}\d.,!?…)] ")/gmu;
/** `: )`, `; - (`. */
const TORN_SMILEY = / ([:;]) ?(-)? ?([()])(?=\s|$)/g;
/** Endings of verbs that tokenisers cut off: `zgłosił em`, `chciała bym`. */
const CUT_ENDING =
  / (?=e[mś](?!\p{L}))(?<=\p{L}ł )| (?=by(?:m|ś|śmy|ście)(?!\p{L}))(?<=\p{L}(?:ł[aoy]?|li) )/gu;

/** Quotation marks of TeX, which tokenisers write too: two backticks, and two apostrophes. */
const TEX_QUOTED = /`` ?((?:[^`'\n]|\n(?!\n)|'(?!')){1,300}?) ?''/g;

/** Closes gaps that are not between words: letter-spaced emphasis, and the spaces a tokeniser put before marks. */
export const spacing: Step = {
  name: "spacing",
  version: 8,
  addsNoSigns: true,
  create: () => (text, measures) => {
    const joined = measures.has(SIGN.spacedLetter) ? text.replace(SPACED, joinLetters) : text;
    const closed = measures.has(SIGN.looseMark) ? closeMarks(joined) : joined;
    // what was joined or closed brings no quotation mark beside a space that was not there before
    const mayHoldQuotes =
      measures.has(SIGN.looseQuote) && (closed.includes("``") || LOOSE_QUOTE.test(closed));
    const quoted = mayHoldQuotes ? closeQuotes(closed) : closed;
    const mayBeTorn = measures.has(SIGN.looseMark | SIGN.looseQuote) || quoted.includes("- ");
    if (!mayBeTorn) return keep(quoted);
    const mayHoldFigures = quoted !== text || measures.mayHold(NUMBER.torn);
    return keep(closeTornWords(quoted, { isTokenised: closed !== joined, mayHoldFigures }));
  },
};

/** `t e r a z` → `teraz`, unless the letters are an enumeration or initials. */
function joinLetters(spaced: string): string {
  const letters = spaced.replaceAll(" ", "");
  const isCapital = (letter: string) => letter !== letter.toLowerCase();
  const areCapitals = letters === letters.toUpperCase();
  const words = areCapitals
    ? splitWords(letters)
    : splitWords(letters, (at) => isCapital(letters.charAt(at)) && !isCapital(letters.charAt(at - 1)));
  const single = words.filter((word) => word.length === 1).length;
  const isOneCase = areCapitals || words.every((word) => word.slice(1) === word.slice(1).toLowerCase());
  const isText = isOneCase && single <= letters.length * MAX_SINGLE && words.every(isWord);
  const joined = words.join(" ");
  const mayBeSymbols = areCapitals || letters.length <= MAX_SYMBOLS;
  const limit = mayBeSymbols ? MAX_UNLIKELY_SYMBOLS : MAX_UNLIKELY;
  return isText && unlikelyShare(joined) <= limit ? joined : spaced;
}

function isWord(word: string): boolean {
  if (word.length < 4) return true;
  const small = word.toLowerCase();
  return (
    VOWEL.test(word) && CONSONANT.test(word) && !ALPHABET.includes(small) && !LATIN_ALPHABET.includes(small)
  );
}

const SPACE = 32;

/** How often a mark before white space or the text's end stands behind a space, and how often behind no gap. */
function countMarks(text: string, mark: string): { readonly loose: number; readonly close: number } {
  const kinds = unitKinds();
  const isGap = (at: number) => ((kinds[text.charCodeAt(at)] as number) & UNIT.space) !== 0;
  let [loose, close] = [0, 0];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    if (at === 0 || (at + 1 < text.length && !isGap(at + 1))) continue;
    if (text.charCodeAt(at - 1) === SPACE) loose += 1;
    else if (!isGap(at - 1)) close += 1;
  }
  return { loose, close };
}

function closeQuotes(text: string): string {
  const closed = text.includes("``") ? text.replace(TEX_QUOTED, '"$1"') : text;
  const paired = /" [^"\n]* "/.test(closed) ? closed.replace(QUOTED, pairCloser(closed)) : closed;
  const opened = paired.replace(LONE_OPENING, loneCloser(paired));
  return opened.replace(LONE_CLOSING, loneCloser(opened));
}

/** Closes a quotation mark whose other one was cut off with another sentence: its line holds an odd number of them. */
function loneCloser(text: string) {
  const quotes = new QuoteCounts(text);
  return (found: string, at: number) => (quotes.inLine(at) % 2 === 1 ? found.trim() : found);
}

/** What stands between two quotations looks like one as well: then an odd number of quotes stands before it. */
function pairCloser(text: string) {
  const quotes = new QuoteCounts(text);
  return (found: string, before: string, inside: string, at: number) =>
    quotes.before(at + before.length) % 2 === 1 ? found : `${before}"${inside}"`;
}

function closeMarks(text: string): string {
  const commas = countMarks(text, ",");
  const loose = commas.loose + countMarks(text, ".").loose;
  if (loose < MIN_LOOSE || loose < commas.close) return text;
  return closeQuotes(text)
    .replace(TORN_SMILEY, closeSmiley)
    .replace(BEFORE_MARK, "")
    .replace(AFTER_BRACKET, "")
    .replace(CUT_ENDING, "");
}

/** A colon before a bracket is no smiley where the line holds the bracket's other one. */
function closeSmiley(
  found: string,
  eyes: string,
  nose: string | undefined,
  mouth: string,
  at: number,
  text: string,
): string {
  const other = mouth === "(" ? nextBracket(text, at + found.length, 1) : nextBracket(text, at - 1, -1);
  const isBracket = other !== undefined && other !== mouth;
  return isBracket ? found : ` ${eyes}${nose ?? ""}${mouth}`;
}

/** The first bracket of a line from a place on, forwards or backwards. */
function nextBracket(text: string, from: number, direction: 1 | -1): string | undefined {
  for (let i = from; i >= 0 && i < text.length; i += direction) {
    const sign = text.charAt(i);
    if (sign === "\n") return undefined;
    if (sign === "(" || sign === ")") return sign;
  }
  return undefined;
}
