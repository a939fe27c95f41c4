import { codesOf, endsIn, endsSentence, isHyphenated, startsAnew, startsSmall } from "./line-ends.ts";

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
const VERSE_MARKS = codesOf(",;:.!?…—–-");
const VERSE_CLOSERS = codesOf('"”»)');
const GAP = /\s/;

/** How a text was wrapped. */
export interface Wrapping {
  /** Length of a full line: exact in fixed-width text, the median in print. */
  readonly width: number;
  readonly isFixed: boolean;
}

/** How the text was wrapped; undefined when it was not. */
export function wrappingOf(lines: readonly string[]): Wrapping | undefined {
  const lengths = ascending(lines.filter((line) => line !== ""));
  if (lengths.length <= MIN_PAIRS) return undefined;
  const widest = lengths[Math.floor(lengths.length * 0.95)] as number;
  const pairs = new LinePairs(lines);
  if (pairs.count < MIN_PAIRS) return undefined;
  const isOfWidth = widest >= MIN_WIDTH && widest <= MAX_WIDTH;
  const fitted = isOfWidth ? pairs.number((line, next) => isFixedWrap(line, next, widest)) : 0;
  if (isOfWidth && fitted >= pairs.count * MIN_WRAPPED_SHARE)
    return isVerse(pairs, widest) ? undefined : { width: widest, isFixed: true };

  const continued = pairs.firstLines((line, next) => startsSmall(next) && !endsSentence(line));
  const hyphens = pairs.number((line, next) => isHyphenated(line) && startsSmall(next));
  const full = ascending(continued);
  const width = full[full.length >> 1] ?? 0;
  const isPrint = hyphens >= MIN_HYPHENS && hyphens >= lengths.length * MIN_HYPHEN_SHARE;
  const isEven =
    continued.length >= MIN_PAIRS &&
    continued.length >= pairs.count * MIN_CONTINUED_SHARE &&
    width >= MIN_WIDTH &&
    width <= MAX_WIDTH &&
    (full[full.length >> 2] as number) >= width * EVENNESS;
  return (isPrint || isEven) && !isVerse(pairs, width) ? { width, isFixed: false } : undefined;
}

const ascending = (lines: readonly string[]) => Uint32Array.from(lines, ({ length }) => length).sort();

function isVerse(pairs: LinePairs, width: number): boolean {
  if (pairs.number((line, next) => isHyphenated(line) && startsSmall(next)) > 0) return false;
  const open = pairs.number((line) => !endsSentence(line));
  const capitals = pairs.number((line, next) => !endsSentence(line) && /^["„»(]?\p{Lu}/u.test(next));
  if (capitals > open * MAX_CAPITALS_SHARE) return true;
  const isMarked = (line: string) => endsIn(line, VERSE_MARKS, VERSE_CLOSERS);
  if (pairs.number(isMarked) <= pairs.count * MAX_MARKS_SHARE) return false;
  const isLong = (line: string) => line.length >= width * LONG_SHARE;
  const long = pairs.number(isLong);
  return long < MIN_PAIRS || pairs.number((line) => isLong(line) && isMarked(line)) > long * MAX_MARKS_SHARE;
}

/** Looks at two lines that follow each other. */
type Test = (line: string, next: string) => boolean;

/** Lines that follow each other directly, without those that begin something of their own. */
class LinePairs {
  readonly #lines: readonly string[];
  /** Where the second line of each pair is. */
  readonly #places: number[] = [];

  constructor(lines: readonly string[]) {
    this.#lines = lines;
    for (let i = 1; i < lines.length; i++) {
      const next = lines[i] as string;
      if (lines[i - 1] !== "" && next !== "" && !startsAnew(next)) this.#places.push(i);
    }
  }

  get count(): number {
    return this.#places.length;
  }

  /** How many pairs pass. */
  number(test: Test): number {
    let count = 0;
    for (const i of this.#places)
      if (test(this.#lines[i - 1] as string, this.#lines[i] as string)) count += 1;
    return count;
  }

  /** The first line of each pair that passes. */
  firstLines(test: Test): string[] {
    const lines = this.#lines;
    const places = this.#places.filter((i) => test(lines[i - 1] as string, lines[i] as string));
    return places.map((i) => lines[i - 1] as string);
  }
}

/** Whether the next line's first word did not fit behind a line any more. */
export function isFixedWrap(line: string, next: string, width: number): boolean {
  if (isHyphenated(line)) return true;
  if (line.length + 1 > width) return true;
  const gap = next.search(GAP);
  return line.length + 1 + (gap < 0 ? next.length : gap) > width;
}
