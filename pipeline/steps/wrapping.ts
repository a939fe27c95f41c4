import { EDGE, type TextLines } from "../measures/text-lines.ts";
import { SPEAKER } from "./page-edges.ts";

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

/** How a text was wrapped. */
export interface Wrapping {
  /** Length of a full line: exact in fixed-width text, the median in print. */
  readonly width: number;
  readonly isFixed: boolean;
  /** Words are divided at line ends, or it is the minutes of a meeting: neither verse nor a list. */
  readonly isSurelyProse: boolean;
}

/** How the text was wrapped; undefined when it was not. */
export function wrappingOf(lines: TextLines): Wrapping | undefined {
  const pairs = new LinePairs(lines);
  if (pairs.count < MIN_PAIRS) return undefined;
  const lengths = ascending(filledLengths(lines));
  if (lengths.length <= MIN_PAIRS) return undefined;
  const widest = lengths[Math.floor(lengths.length * 0.95)] as number;
  const isOfWidth = widest >= MIN_WIDTH && widest <= MAX_WIDTH;
  const startsSmall = (next: number) => lines.has(next, EDGE.startsSmall);
  const hyphens = pairs.number((next) => lines.has(next - 1, EDGE.isHyphenated) && startsSmall(next));
  const dividesWords = hyphens >= MIN_HYPHENS && hyphens >= lengths.length * MIN_HYPHEN_SHARE;
  const isSurelyProse = dividesWords || pairs.isOfMinutes;
  const fitted = isOfWidth ? pairs.number((next) => isFixedWrap(lines, next - 1, next, widest)) : 0;
  if (isOfWidth && fitted >= pairs.count * MIN_WRAPPED_SHARE)
    return isVerse(lines, pairs, widest) ? undefined : { width: widest, isFixed: true, isSurelyProse };

  const continued = pairs.filter((next) => startsSmall(next) && !lines.has(next - 1, EDGE.endsSentence));
  const full = ascending(continued.map((next) => lines.length(next - 1)));
  const width = full[full.length >> 1] ?? 0;
  const isEven =
    continued.length >= MIN_PAIRS &&
    continued.length >= pairs.count * MIN_CONTINUED_SHARE &&
    width >= MIN_WIDTH &&
    width <= MAX_WIDTH &&
    (full[full.length >> 2] as number) >= width * EVENNESS;
  return (dividesWords || isEven) && !isVerse(lines, pairs, width)
    ? { width, isFixed: false, isSurelyProse }
    : undefined;
}

const ascending = (lengths: readonly number[]) => new Uint32Array(lengths).sort();

function filledLengths(lines: TextLines): number[] {
  const lengths: number[] = [];
  for (let i = 0; i < lines.count; i++) if (!lines.isBlank(i)) lengths.push(lines.length(i));
  return lengths;
}

function isVerse(lines: TextLines, pairs: LinePairs, width: number): boolean {
  const isDivided = (next: number) =>
    lines.has(next - 1, EDGE.isHyphenated) && lines.has(next, EDGE.startsSmall);
  if (pairs.number(isDivided) > 0) return false;
  const isOpen = (next: number) => !lines.has(next - 1, EDGE.endsSentence);
  const capitals = pairs.number((next) => isOpen(next) && lines.has(next, EDGE.startsCapital));
  if (capitals > pairs.number(isOpen) * MAX_CAPITALS_SHARE) return true;
  const isMarked = (next: number) => lines.has(next - 1, EDGE.endsVerse);
  if (pairs.number(isMarked) <= pairs.count * MAX_MARKS_SHARE) return false;
  const isLong = (next: number) => lines.length(next - 1) >= width * LONG_SHARE;
  const long = pairs.number(isLong);
  return long < MIN_PAIRS || pairs.number((next) => isLong(next) && isMarked(next)) > long * MAX_MARKS_SHARE;
}

/** Looks at two lines that follow each other, by the number of the second. */
type Test = (next: number) => boolean;

const [BRACKET, CLOSING_BRACKET, COLON] = [40, 41, 58];
/** Fewer names of speakers, or notes between them, may stand in any text. */
const MIN_SPEAKERS = 2;
const MIN_NOTES = 1;

/** Of the minutes of a meeting: the lines that say who speaks, or what happens meanwhile, `(Oklaski)`. Else none. */
function linesOfMinutes(lines: TextLines): ReadonlySet<number> {
  const { text } = lines;
  const found = new Set<number>();
  if (!text.includes(":\n")) return found;
  let [speakers, notes] = [0, 0];
  for (let i = 0; i < lines.count; i++) {
    const last = text.charCodeAt(lines.end(i) - 1);
    if (last === COLON && SPEAKER.test(lines.line(i))) speakers += 1;
    else if (text.charCodeAt(lines.start(i)) !== BRACKET) continue;
    else if (last === CLOSING_BRACKET) notes += 1;
    found.add(i);
  }
  return speakers >= MIN_SPEAKERS && notes >= MIN_NOTES ? found : new Set();
}

/** Lines that follow each other directly, without those that begin something of their own. */
class LinePairs {
  /** The second line of each pair. */
  readonly #places: number[] = [];

  /** The text is the minutes of a meeting. */
  readonly isOfMinutes: boolean;

  constructor(lines: TextLines) {
    const apart = linesOfMinutes(lines);
    this.isOfMinutes = apart.size > 0;
    for (let i = 1; i < lines.count; i++) {
      if (lines.isBlank(i - 1) || lines.isBlank(i) || lines.has(i, EDGE.startsAnew)) continue;
      if (!this.isOfMinutes || !(apart.has(i - 1) || apart.has(i))) this.#places.push(i);
    }
  }

  get count(): number {
    return this.#places.length;
  }

  /** How many pairs pass. */
  number(test: Test): number {
    let count = 0;
    for (const next of this.#places) if (test(next)) count += 1;
    return count;
  }

  /** The second line of each pair that passes. */
  filter(test: Test): number[] {
    return this.#places.filter(test);
  }
}

/** Whether the next line's first word did not fit behind a line any more. */
export function isFixedWrap(lines: TextLines, line: number, next: number, width: number): boolean {
  if (lines.has(line, EDGE.isHyphenated)) return true;
  const length = lines.length(line);
  return length + 1 > width || length + 1 + lines.firstWord(next) > width;
}
