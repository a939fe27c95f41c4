import { SIGN } from "../measures/signs.ts";
import { EDGE, type TextLines } from "../measures/text-lines.ts";
import { TextMeasures } from "../measures/text-measures.ts";
import { isKnownWord } from "../measures/word-borders.ts";
import { Compounds, isWordPart } from "./compounds.ts";
import { joinLoneMarkers } from "./lone-markers.ts";
import { SPEAKER } from "./page-edges.ts";
import { endsInBracket, Shout } from "./shout.ts";
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
/** A shout with the name of who shouts: it begins a line of its own behind a sentence. */
const NAMED_SHOUT = /^\(\p{Lu}[^():.!?…]{2,60}: /u;
/** A dash before a figure is no turn's. */
const DASH_NUMBER = /^[—–-]\s\d/;
/** No name of a club or a heading, below which a date stands: it has a mark inside, or ends in a small word. */
const RUNNING = /[,.;:!?] |(?<!\S)\p{Ll}+$/u;
/** `E. Stehlik`, but also the letter of a list's item. */
const INITIAL = /^\p{Lu}\.\s\p{Lu}/u;
/** What a number goes on with: a word, or what numbers are announced with. */
const OPEN_BEFORE_NUMBER = /(?:\p{Ll}|\s[AIOUWZ]|\s(?:art|ust|pkt|poz|nr|str|s|t|r)\.|\d\.,)$/u;
const MAX_WORD = 40;
const FIRST_PART = /^\p{L}+/u;
/** What a divided word ends in, as print, PDF and OCR have it. */
const DIVIDERS = "-¬=";
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
  version: 7,
  addsNoSigns: true,
  create: (profile) =>
    profile.reflow
      ? (text, measures, { changedBy }) =>
          keep(
            measures.has(SIGN.lineEnd)
              ? joinWrappedLines(measures.textLines, changedBy.includes("chat-log"))
              : text,
          )
      : undefined,
};

function joinWrappedLines(source: TextLines, isChat: boolean): string {
  const marked = joinLoneMarkers(source);
  const lines = marked === source.text ? source : new TextMeasures(marked).textLines;
  const wrapping = wrappingOf(lines);
  const joins = findJoins(lines, wrapping, isChat);
  return joins.length > 0 || hasLooseBlanks(lines) ? joinLines(lines, joins) : lines.text;
}

/** The lines that belong to the paragraph of the one before, in their order. */
function findJoins(lines: TextLines, wrapping: Wrapping | undefined, isChat: boolean): number[] {
  const joins: number[] = [];
  const shout = new Shout(lines);
  let previous = -1;
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i)) continue;
    const isApart = i - previous > 1;
    const goesOn =
      previous >= 0 &&
      (isApart ? spansBlank : continues)(lines, previous, i, wrapping) &&
      // each turn of a chat's log stands on lines that the log begins with a dash
      !(isChat && lines.line(i).startsWith("— ")) &&
      !shout.endsBefore(previous, i);
    if (goesOn) joins.push(i);
    else shout.begin(i);
    previous = i;
  }
  return joins;
}

/** Whether a blank line stands beside another one, or above or below all text. */
function hasLooseBlanks(lines: TextLines): boolean {
  if (lines.isBlank(0) || lines.isBlank(lines.count - 1)) return true;
  for (let i = 1; i < lines.count; i++) if (lines.isBlank(i) && lines.isBlank(i - 1)) return true;
  return false;
}

function joinLines(lines: TextLines, joins: readonly number[]): string {
  // one line after the other, and what stands between: a paragraph that were put together at once would be copied with
  // each hyphen that is cut off
  const pieces: string[] = [];
  const compounds = new Compounds(lines.text);
  let previous = "";
  let blank = false;
  let next = 0;
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i)) {
      blank = true;
      continue;
    }
    const line = lines.line(i);
    if (joins[next] === i) {
      next += 1;
      appendLine(pieces, previous, line, compounds);
    } else if (pieces.length === 0) pieces.push(line);
    else pieces.push(blank ? "\n\n" : "\n", line);
    previous = line;
    blank = false;
  }
  return pieces.join("");
}

/** Whether a line goes on with the sentence or paragraph that the one before left open. */
function continues(lines: TextLines, line: number, next: number, wrapping: Wrapping | undefined): boolean {
  if (isRepeatedHyphen(lines, line, next)) return true;
  const startsSmall = lines.has(next, EDGE.startsSmall);
  const length = lines.length(line);
  if (wrapping === undefined) return length >= LONG_LINE && startsSmall && lines.has(line, EDGE.endsInLetter);
  const { width, isFixed, isSurelyProse } = wrapping;
  if (length < width * 0.7 && STAGE_NOTE.test(lines.line(line))) return false;
  if (lines.has(line, EDGE.isHyphenated) && (startsSmall || lines.has(next, EDGE.capital))) return true;
  const ended = lines.has(line, EDGE.endsSentence);
  if (lines.has(next, EDGE.startsAnew)) {
    const isFull = isFixed ? isFixedWrap(lines, line, next, width) : length >= width * 0.85;
    const text = lines.line(next);
    if (NUMBERED.test(text)) return isFull && OPEN_BEFORE_NUMBER.test(lines.line(line));
    if (DASH_NUMBER.test(text) || INITIAL.test(text))
      return isFull && /[\p{Ll},]$/u.test(lines.line(line)) && !lines.has(line, EDGE.startsAnew);
    return DASH_CONTINUES.test(text) && !ended && length > width * 0.7;
  }
  if (startsSmall && !ended) return true;
  // no sentence begins with a small letter, an item of a list does
  if (startsSmall && isSurelyProse && length >= width * 0.7 && !lines.line(line).endsWith(";")) return true;
  if ((ended || endsInBracket(lines, line)) && beginsSpeech(lines.line(next))) return false;
  // in print, a paragraph's last line is seldom full, a line that is ends inside a paragraph
  const isFull = isFixed ? isFixedWrap(lines, line, next, width) : length >= width * (ended ? 0.94 : 0.85);
  if (isFull) return true;
  // nor, where no verse can be, does it stop at a comma or a dash, or before a word that hardly fitted (a first line is
  // set in)
  if (!isSurelyProse || ended || length < width * 0.7) return false;
  if (/,$| [–—]$/.test(lines.line(line))) return lines.has(next, EDGE.startsCapital);
  if (/^\d/.test(lines.line(next)) && !RUNNING.test(lines.line(line))) return false;
  return lines.has(line, EDGE.endsInLetter) && length + 1 + lines.firstWord(next) > width * 0.85;
}

const beginsSpeech = (line: string) => SPEAKER.test(line) || NAMED_SHOUT.test(line);

/** Polish print says that a hyphen is real by setting it on both lines: `Środkowo-` and `-Wschodniej`. */
const isRepeatedHyphen = (lines: TextLines, line: number, next: number) =>
  lines.has(next, EDGE.startsHyphenated) && lines.has(line, EDGE.isHyphenated);

/** Whether a blank line between is an accident of extraction: it stands inside a sentence. */
function spansBlank(lines: TextLines, line: number, next: number, wrapping: Wrapping | undefined): boolean {
  if (wrapping === undefined || !lines.has(next, EDGE.startsSmall)) return false;
  if (lines.has(line, EDGE.isHyphenated)) return true;
  return !/[.!?…:;,)"”»]$/.test(lines.line(line).slice(-1)) && lines.length(line) >= wrapping.width * 0.7;
}

/** The divided word that ends a line, with its hyphen; only the hyphen when none stands before it. */
function lastPart(line: string): string {
  let start = line.length - 1;
  while (start > 0 && isWordPart(line.charCodeAt(start - 1)) && line.charCodeAt(start - 1) !== 0xac)
    start -= 1;
  return start === line.length - 1 ? "-" : line.slice(start);
}

/** Puts a line behind the one before, the last of the pieces; a hyphen that only marked the break goes. */
function appendLine(pieces: string[], line: string, next: string, compounds: Compounds): void {
  // few lines end in one of these, and a pattern with letters of all languages is slow
  const mayBeDivided = DIVIDERS.includes(line.charAt(line.length - 1));
  if (!mayBeDivided || !/^\p{L}/u.test(line.slice(-2))) pieces.push(" ", next);
  else if (/^-\p{L}/u.test(next)) pieces.push(next.slice(1));
  else {
    if (!isRealHyphen(line, next, compounds)) pieces.push((pieces.pop() as string).slice(0, -1));
    pieces.push(next);
  }
}

/** The rest of the text decides when it holds the compound; otherwise its kind, unless `konieczno-ści` is a word. */
function isRealHyphen(line: string, next: string, compounds: Compounds): boolean {
  if (/^\p{Lu}/u.test(next)) return true;
  const head = lastPart(line.slice(-MAX_WORD));
  const tail = FIRST_PART.exec(next)?.[0] ?? "";
  const whole = head.slice(0, -1) + tail;
  if (COMPOUND.test(head)) return !isKnownWord(whole) && !compounds.has(whole);
  return tail === "" || compounds.has(head + tail); // without a tail, this is where the text holds it
}
