import { SIGN } from "../measures/signs.ts";
import { isKnownWord } from "../measures/word-borders.ts";
import {
  endsInLetter,
  endsSentence,
  isHyphenated,
  isPlainSmall,
  startsAnew,
  startsSmall,
} from "./line-ends.ts";
import { joinLoneMarkers } from "./lone-markers.ts";
import { keep, type Step } from "./step.ts";
import { isFixedWrap, type Wrapping, wrappingOf } from "./wrapping.ts";

/** In a text that is not wrapped as a whole, a line as long as this that stops inside a sentence was broken. */
const LONG_LINE = 55;

/** A number that begins a paragraph, or goes on with a sentence: `do\n18. roku życia`. */
const NUMBERED = /^(?:\(?\d{1,3}[.)]\s|Art\.\s|§\s)/;
/** A dash that goes on with a sentence: the words behind a turn of dialogue. */
const DASH_CONTINUES = /^[—–-]\s?\p{Ll}/u;
/** What happens while somebody speaks has a short line of its own: `(Dzwonek)`. */
const STAGE_NOTE = /^\([^()]*\)$/;
/** A dash before a figure is no turn's. */
const DASH_NUMBER = /^[—–-]\s\d/;
/** `E. Stehlik`, but also the letter of a list's item. */
const INITIAL = /^\p{Lu}\.\s\p{Lu}/u;
/** What a number goes on with: a word, or what numbers are announced with. */
const OPEN_BEFORE_NUMBER = /(?:\p{Ll}|\s[AIOUWZ]|\s(?:art|ust|pkt|poz|nr|str|s|t|r)\.|\d\.,)$/u;
const MAX_WORD = 40;
const FIRST_PART = /^\p{L}+/u;
/** First halves of compounds that are written with a hyphen. */
const COMPOUND =
  /(?:^|-)(?:\p{L}+(?:sko|cko|czno|wno|owo)|biało|czarno|czerwono|niebiesko|żółto|złoto|północno|południowo|wschodnio|zachodnio|ex|wice|mini|maksi|pół|anty|super|niby|quasi|\p{Lu}+|[IVXL]+)-$/u;

/**
 * Joins lines that were wrapped, and words that were divided at line ends.
 *
 * A line end of fixed-width text is a wrap exactly when the next line's first word would not have fitted any
 * more. In print, full lines are about as long as the median. Verse, lists and one-line paragraphs fail both
 * tests and stay as they are.
 */
export const reflow: Step = {
  name: "reflow",
  version: 5,
  addsNoSigns: true,
  create: (profile) =>
    profile.reflow
      ? (text, measures) =>
          keep(measures.has(SIGN.lineEnd) ? joinWrappedLines(text, measures.splitLines) : text)
      : undefined,
};

function joinWrappedLines(text: string, source: readonly string[]): string {
  const lines = joinLoneMarkers(source);
  const wrapping = wrappingOf(lines);
  const paragraphs: string[] = [];
  const compounds = new Compounds(text);
  let previous = "";
  let blank = false;
  let joined = lines.length < source.length;
  for (const line of lines) {
    if (line === "") {
      blank = true;
      continue;
    }
    const joins = previous !== "" && (blank ? spansBlank : continues)(previous, line, wrapping);
    if (joins) {
      paragraphs[paragraphs.length - 1] = append(paragraphs.at(-1) as string, previous, line, compounds);
      joined = true;
    } else {
      if (blank && paragraphs.length > 0) paragraphs.push("");
      paragraphs.push(line);
    }
    previous = line;
    blank = false;
  }
  return joined || paragraphs.length < lines.length ? paragraphs.join("\n") : text;
}

/** Where a text's words with hyphens are looked up: the whole of a book for each divided word would be slow. */
class Compounds {
  readonly #text: string;
  #hyphenated: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether the text holds this piece of letters and hyphens. */
  has(piece: string): boolean {
    if (!/[-¬]/.test(piece)) return this.#text.includes(piece);
    this.#hyphenated ??= hyphenatedWords(this.#text);
    return this.#hyphenated.includes(piece);
  }
}

/** Letters, hyphens, and halves of letters beyond the basic plane. */
function isWordPart(code: number): boolean {
  if (isPlainSmall(code) || code === 45 || code === 0xac) return true;
  return /[\p{L}\p{Cs}]/u.test(String.fromCharCode(code));
}

/** The runs of letters and hyphens in which there is a hyphen, one a line. */
function hyphenatedWords(text: string): string {
  const words: string[] = [];
  let end = 0;
  for (const { index } of text.matchAll(/[-¬]/g)) {
    if (index < end) continue;
    let start = index;
    while (start > end && isWordPart(text.charCodeAt(start - 1))) start -= 1;
    end = index + 1;
    while (end < text.length && isWordPart(text.charCodeAt(end))) end += 1;
    words.push(text.slice(start, end));
  }
  return words.join("\n");
}

/** Whether `next` goes on with the sentence or paragraph that `line` left open. */
function continues(line: string, next: string, wrapping: Wrapping | undefined): boolean {
  if (isRepeatedHyphen(line, next)) return true;
  if (wrapping === undefined) return line.length >= LONG_LINE && startsSmall(next) && endsInLetter(line);
  const { width, isFixed } = wrapping;
  if (line.length < width * 0.7 && STAGE_NOTE.test(line)) return false;
  if (isHyphenated(line) && (startsSmall(next) || /^\p{Lu}/u.test(next))) return true;
  const ended = endsSentence(line);
  if (startsAnew(next)) {
    const isFull = isFixed ? isFixedWrap(line, next, width) : line.length >= width * 0.85;
    if (NUMBERED.test(next)) return isFull && OPEN_BEFORE_NUMBER.test(line);
    if (DASH_NUMBER.test(next) || INITIAL.test(next))
      return isFull && /[\p{Ll},]$/u.test(line) && !startsAnew(line);
    return DASH_CONTINUES.test(next) && !ended && line.length > width * 0.7;
  }
  if (startsSmall(next) && !ended) return true;
  if (isFixed) return isFixedWrap(line, next, width);
  // in print, a paragraph's last line is seldom full, a line that is ends inside a paragraph
  return line.length >= width * (ended ? 0.94 : 0.85);
}

/** Polish print says that a hyphen is real by setting it on both lines: `Środkowo-` and `-Wschodniej`. */
function isRepeatedHyphen(line: string, next: string): boolean {
  return next.charCodeAt(0) === 45 && isHyphenated(line) && /^-\p{L}/u.test(next);
}

/** Whether a blank line between is an accident of extraction: it stands inside a sentence. */
function spansBlank(line: string, next: string, wrapping: Wrapping | undefined): boolean {
  if (wrapping === undefined || !startsSmall(next)) return false;
  return (
    isHyphenated(line) || (!/[.!?…:;,)"”»]$/.test(line.slice(-1)) && line.length >= wrapping.width * 0.7)
  );
}

/** The divided word that ends a line, with its hyphen; only the hyphen when none stands before it. */
function lastPart(line: string): string {
  let start = line.length - 1;
  while (start > 0 && isWordPart(line.charCodeAt(start - 1)) && line.charCodeAt(start - 1) !== 0xac)
    start -= 1;
  return start === line.length - 1 ? "-" : line.slice(start);
}

/** Puts a line behind the paragraph that ends in `line`; a hyphen that only marked the break goes. */
function append(paragraph: string, line: string, next: string, compounds: Compounds): string {
  if (!isHyphenated(line)) return `${paragraph} ${next}`;
  if (isRepeatedHyphen(line, next)) return paragraph + next.slice(1);
  const head = lastPart(line.slice(-MAX_WORD));
  const tail = FIRST_PART.exec(next)?.[0] ?? "";
  const whole = head.slice(0, -1) + tail;
  // the rest of the text decides when it holds the compound; otherwise its kind, unless `wojsko-wy` is a word
  const isRealHyphen =
    /^\p{Lu}/u.test(next) ||
    (COMPOUND.test(head) ? !compounds.has(whole) && !isKnownWord(whole) : compounds.has(head + tail));
  return (isRealHyphen ? paragraph : paragraph.slice(0, -1)) + next;
}
