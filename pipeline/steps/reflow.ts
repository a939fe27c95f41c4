import { SIGN } from "../measures/signs.ts";
import { joinLoneMarkers } from "./lone-markers.ts";
import { keep, type Step } from "./step.ts";

/** A text is wrapped only if its full lines have such a width: typewriters, mail, print, e-book plain text. */
const MIN_WIDTH = 40;
const MAX_WIDTH = 120;
/** Fewer line pairs prove nothing. */
const MIN_PAIRS = 3;
/** Share of line pairs in which the next line's first word really did not fit any more (fixed width). */
const MIN_WRAPPED_SHARE = 0.7;
/** Print has no fixed width: there, so many lines go on in small letters or end in a hyphen … */
const MIN_CONTINUED_SHARE = 0.35;
/** … and are about equally long (a quarter of them may be this much shorter than the median). */
const EVENNESS = 0.8;
/** Words divided at line ends settle it: verse and lists have none. */
const MIN_HYPHENS = 2;
const MIN_HYPHEN_SHARE = 0.04;

/**
 * Verse begins its lines with capitals, or ends most of them with a mark, the long ones too; wrapped prose does either
 * in a sixth. Short lines alone say nothing: answers in a debate all end in a mark.
 */
const MAX_CAPITALS_SHARE = 0.45;
const MAX_MARKS_SHARE = 0.5;
const LONG_SHARE = 0.85;
/** In a text that is not wrapped as a whole, a line as long as this that stops inside a sentence was broken. */
const LONG_LINE = 55;

/** A line that begins something of its own: a list item, a turn of dialogue or of a chat, a numbered paragraph. */
const STARTS_ANEW =
  /^(?:[-–—•*·▪►>]\s?|<[@+% ]?[\w[\]^|-]+>\s|\[?\d{1,2}:\d\d(?::\d\d)?\]?\s|\(?\p{L}?\d{1,3}[.)]\s|§\s?\d|Art\.\s?\d|[a-zA-Z]\)\s|[A-Z]\.\s)/u;
/** A number that begins a paragraph, or goes on with a sentence: `do\n18. roku życia`. */
const NUMBERED = /^(?:\(?\d{1,3}[.)]\s|Art\.\s|§\s)/;
/** A dash that goes on with a sentence: the words behind a turn of dialogue. */
const DASH_CONTINUES = /^[—–-]\s?\p{Ll}/u;
const SENTENCE_MARKS = codesOf(".!?…:;");
const SENTENCE_CLOSERS = codesOf('"”»’)]*');
const VERSE_MARKS = codesOf(",;:.!?…—–-");
const VERSE_CLOSERS = codesOf('"”»)');
const STARTS_SMALL = /^[„"(]?\p{Ll}/u;
const FIRST_WORD = /^\S+/;
const MAX_WORD = 40;
const FIRST_PART = /^\p{L}+/u;
/** First halves of compounds that are written with a hyphen. */
const COMPOUND =
  /(?:^|-)(?:\p{L}+(?:sko|cko|czno|wno|owo)|biało|czarno|czerwono|niebiesko|żółto|złoto|północno|południowo|wschodnio|zachodnio|ex|wice|mini|maksi|pół|anty|super|niby|quasi|\p{Lu}+|[IVXL]+)-$/u;

/** Whether a line ends in a letter and a hyphen; `¬` is what some programs make of the soft one, `=` what OCR does. */
function isHyphenated(line: string): boolean {
  const last = line.charCodeAt(line.length - 1);
  return (last === 45 || last === 0xac || last === 61) && /\p{L}/u.test(line.charAt(line.length - 2));
}

// What most lines begin and end with is told by their character codes; a pattern on every line was half of this
// step's time.

function codesOf(characters: string): ReadonlySet<number> {
  return new Set([...characters].map((character) => character.charCodeAt(0)));
}

/** Whether a line ends in one of the marks, closing signs behind it left out of account. */
function endsIn(line: string, marks: ReadonlySet<number>, closers: ReadonlySet<number>): boolean {
  let last = line.length - 1;
  while (last >= 0 && closers.has(line.charCodeAt(last))) last -= 1;
  return last >= 0 && marks.has(line.charCodeAt(last));
}

const endsSentence = (line: string) => endsIn(line, SENTENCE_MARKS, SENTENCE_CLOSERS);

const isPlainSmall = (code: number) => code >= 97 && code <= 122;
const isPlainCapital = (code: number) => code >= 65 && code <= 90;

function startsSmall(line: string): boolean {
  const first = line.charCodeAt(0);
  if (isPlainSmall(first)) return true;
  return !isPlainCapital(first) && STARTS_SMALL.test(line);
}

function startsAnew(line: string): boolean {
  const [first, second] = [line.charCodeAt(0), line.charCodeAt(1)];
  const isWord = isPlainSmall(second) || second === 32;
  if (isWord && (isPlainSmall(first) || (isPlainCapital(first) && !line.startsWith("Art.")))) return false;
  return STARTS_ANEW.test(line);
}

const endsInSmallLetter = (line: string) => /\p{Ll}$/u.test(line.slice(-2));
const endsInLetter = (line: string) => /\p{L}$/u.test(line.slice(-2));

type Pair = readonly [line: string, next: string];

/** How a text was wrapped. */
interface Wrapping {
  /** Length of a full line: exact in fixed-width text, the median in print. */
  readonly width: number;
  readonly isFixed: boolean;
}

/**
 * Joins lines that were wrapped, and words that were divided at line ends.
 *
 * A line end of fixed-width text is a wrap exactly when the next line's first word would not have fitted any
 * more. In print, full lines are about as long as the median. Verse, lists and one-line paragraphs fail both
 * tests and stay as they are.
 */
export const reflow: Step = {
  name: "reflow",
  version: 4,
  addsNoSigns: true,
  create: (profile) =>
    profile.reflow
      ? (text, measures) => keep(measures.has(SIGN.lineEnd) ? joinWrappedLines(text) : text)
      : undefined,
};

function joinWrappedLines(text: string): string {
  const source = text.split("\n");
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

/** How the text was wrapped; undefined when it was not. */
function wrappingOf(lines: readonly string[]): Wrapping | undefined {
  const lengths = lines.filter((line) => line !== "").map((line) => line.length);
  if (lengths.length <= MIN_PAIRS) return undefined;
  lengths.sort((a, b) => a - b);
  const widest = lengths[Math.floor(lengths.length * 0.95)] as number;
  const pairs = pairsOf(lines);
  if (pairs.length < MIN_PAIRS) return undefined;
  const isOfWidth = widest >= MIN_WIDTH && widest <= MAX_WIDTH;
  const fitted = isOfWidth ? pairs.filter(([line, next]) => isFixedWrap(line, next, widest)).length : 0;
  if (isOfWidth && fitted >= pairs.length * MIN_WRAPPED_SHARE)
    return isVerse(pairs, widest) ? undefined : { width: widest, isFixed: true };

  const continued = pairs.filter(([line, next]) => startsSmall(next) && !endsSentence(line));
  const hyphens = pairs.filter(([line, next]) => isHyphenated(line) && startsSmall(next)).length;
  const full = continued.map(([line]) => line.length).sort((a, b) => a - b);
  const width = full[full.length >> 1] ?? 0;
  const isPrint = hyphens >= MIN_HYPHENS && hyphens >= lengths.length * MIN_HYPHEN_SHARE;
  const isEven =
    continued.length >= MIN_PAIRS &&
    continued.length >= pairs.length * MIN_CONTINUED_SHARE &&
    width >= MIN_WIDTH &&
    width <= MAX_WIDTH &&
    (full[full.length >> 2] as number) >= width * EVENNESS;
  return (isPrint || isEven) && !isVerse(pairs, width) ? { width, isFixed: false } : undefined;
}

function isVerse(pairs: readonly Pair[], width: number): boolean {
  if (pairs.some(([line, next]) => isHyphenated(line) && startsSmall(next))) return false;
  const open = pairs.filter(([line]) => !endsSentence(line));
  const capitals = open.filter(([, next]) => /^["„»(]?\p{Lu}/u.test(next)).length;
  if (capitals > open.length * MAX_CAPITALS_SHARE) return true;
  const isMarked = (some: readonly Pair[]) =>
    some.filter(([line]) => endsIn(line, VERSE_MARKS, VERSE_CLOSERS)).length > some.length * MAX_MARKS_SHARE;
  const long = pairs.filter(([line]) => line.length >= width * LONG_SHARE);
  return isMarked(pairs) && (long.length < MIN_PAIRS || isMarked(long));
}

/** Lines that follow each other directly, without those that begin something of their own. */
function pairsOf(lines: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 1; i < lines.length; i++) {
    const [line, next] = [lines[i - 1] as string, lines[i] as string];
    if (line !== "" && next !== "" && !startsAnew(next)) pairs.push([line, next]);
  }
  return pairs;
}

function isFixedWrap(line: string, next: string, width: number): boolean {
  if (isHyphenated(line)) return true;
  if (line.length + 1 > width) return true;
  const firstWord = FIRST_WORD.exec(next)?.[0].length ?? 0;
  return line.length + 1 + firstWord > width;
}

/** Whether `next` goes on with the sentence or paragraph that `line` left open. */
function continues(line: string, next: string, wrapping: Wrapping | undefined): boolean {
  if (isRepeatedHyphen(line, next)) return true;
  if (wrapping === undefined) return line.length >= LONG_LINE && startsSmall(next) && endsInLetter(line);
  const { width, isFixed } = wrapping;
  if (isHyphenated(line) && (startsSmall(next) || /^\p{Lu}/u.test(next))) return true;
  const ended = endsSentence(line);
  if (startsAnew(next)) {
    const isFull = isFixed ? isFixedWrap(line, next, width) : line.length >= width * 0.85;
    if (NUMBERED.test(next)) return isFull && endsInSmallLetter(line);
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
  // the rest of the text decides when it holds the compound; otherwise its kind
  const isRealHyphen =
    /^\p{Lu}/u.test(next) ||
    (COMPOUND.test(head) ? !compounds.has(head.slice(0, -1) + tail) : compounds.has(head + tail));
  return (isRealHyphen ? paragraph : paragraph.slice(0, -1)) + next;
}
