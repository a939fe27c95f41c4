import { countsFor } from "../measures/hash-counts.ts";
import { IN_LINE } from "../measures/line-table.ts";
import { NUMBER } from "../measures/numbers.ts";
import { SIGN } from "../measures/signs.ts";
import { EDGE, type TextLines } from "../measures/text-lines.ts";
import { removeNoteMarks } from "./note-marks.ts";
import { isBlankAt, markLoneEnds, markPageEnds, PAGE_NUMBER } from "./page-edges.ts";
import { removeRubbish } from "./scan-rubbish.ts";
import { keep, type Step } from "./step.ts";

/** A rule that divides articles of a collection divides nothing below the last. */
const LAST_RULE = /^[#=_~*]{3,}$/;
/** A line of nothing but dots, stars or rules; three in a row are ornament or a table's leaders. */
const isOrnament = (line: string) => line !== "-" && line !== "–" && !/[\p{L}\p{N}]/u.test(line);
const MIN_ORNAMENT_LINES = 3;

/** Sequences of bare numbers this long that count up are page numbers. */
const MIN_PAGE_RUN = 3;
/** Stanzas and songs are numbered, too, but from the first. */
const MAX_STANZA = 3;
/** Lines of the longest page, at most, to one of the shortest. */
const PAGE_EVENNESS = 1.2;
/** Numbers at least this many lines apart are not a list's: between sentences they are a page's all the same. */
const MIN_PAGE_LINES = 8;
/** A head repeats on this many pages before we believe it. */
const MIN_HEAD_REPEATS = 4;
/** Share of them that stand inside a sentence; most pages end with a whole one (13 % in the Constitution's PDF). */
const MIN_INTERRUPTING = 0.08;

/** Shorter lines before a head are headings or cells of a table. */
const FULL_LINE = 30;

/** The rests of pictures, scores and rules that OCR takes for text. */
const GARBAGE_SIGNS = /[|=\\^~<>{}_\]#]/g;
/** A word of one letter that a line ends its paragraph with. */
const LONE_WORD = /^[aiouwz](?:[.!?…]+|,)$/;

/**
 * Removes what belongs to a printed page and not to its text: page numbers, running heads, ornament lines,
 * marks of footnotes, and the garbage OCR makes of pictures. Page numbers and heads are sought only where they can be told: at a
 * scanned page's ends, in a rising sequence, or where a line that repeats interrupts sentences.
 */
export const pageFurniture: Step = {
  name: "page-furniture",
  version: 8,
  addsNoSigns: true,
  create: (profile) => (text, measures) => {
    if (!profile.removePageFurniture || !measures.has(SIGN.lineEnd)) return keep(text);
    const lines = measures.textLines;
    const removed = new Uint8Array(lines.count);
    const hasDigits = measures.has(SIGN.digit);
    markOrnaments(lines, removed);
    const isDivided = isScan(lines);
    if (hasDigits) markPageNumbers(lines, removed, isDivided);
    markLoneEnds(lines, removed);
    if (hasDigits || text.includes("©")) markRepeatedHeads(lines, removed);
    if (isDivided) {
      markGarbage(lines, removed);
      markPageEnds(lines, removed);
    }
    const unmarked = (body: string) => {
      const clean = isDivided ? removeRubbish(body) : body;
      return measures.mayHold(NUMBER.noteMarks) ? removeNoteMarks(clean) : clean;
    };
    if (!removed.includes(1)) return keep(unmarked(text));
    markPageGaps(lines, removed);
    const rest = lines.without(removed);
    return keep(unmarked(rest.replace(/\n{3,}/g, "\n\n").trim()));
  },
};

/** Words divided at line ends: print, not verse or a list. */
function isScan(lines: TextLines): boolean {
  let divided = 0;
  for (let i = 0; i < lines.count; i++) if (lines.has(i, EDGE.dividesWord)) divided += 1;
  return divided >= 2;
}

function markOrnaments(lines: TextLines, removed: Uint8Array): void {
  let run: number[] = [];
  const close = () => {
    if (run.length >= MIN_ORNAMENT_LINES) for (const i of run) removed[i] = 1;
    run = [];
  };
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i)) continue;
    if (!lines.holds(i, IN_LINE.wordSign) && isOrnament(lines.line(i))) run.push(i);
    else if (run.length > 0) close();
  }
  close();
  const last = lines.count - 1;
  if (!lines.holds(last, IN_LINE.wordSign) && LAST_RULE.test(lines.line(last))) removed[last] = 1;
}

/** The blank line that set a page's number apart on one side only goes with it: the paragraph may go on. */
function markPageGaps(lines: TextLines, removed: Uint8Array): void {
  for (let i = 1; i < lines.count - 1; i++) {
    if (removed[i] === 0 || lines.isBlank(i) || !PAGE_NUMBER.test(lines.line(i))) continue;
    const [before, after] = [lines.isBlank(i - 1), lines.isBlank(i + 1)];
    if (before !== after) removed[before ? i - 1 : i + 1] = 1;
  }
}

interface NumberLine {
  readonly line: number;
  readonly value: number;
}

/** Bare numbers, alone on their lines, that go up one by one through the text. */
function markPageNumbers(lines: TextLines, removed: Uint8Array, isDivided: boolean): void {
  const numbers: NumberLine[] = [];
  for (let line = 0; line < lines.count; line++) {
    if (lines.length(line) > 12 || !lines.holds(line, IN_LINE.digit)) continue;
    const text = lines.line(line);
    if (PAGE_NUMBER.test(text)) numbers.push({ line, value: Number(/\d+/.exec(text)?.[0]) });
  }
  for (let start = 0; start < numbers.length; ) {
    let end = start + 1;
    while (end < numbers.length && numbers[end]!.value === numbers[end - 1]!.value + 1) end += 1;
    const run = numbers.slice(start, end);
    // numbers that stand between sentences may be a list's or a table's
    const interrupts = interruptions(lines, new Set(run.map((number) => number.line)));
    const interrupting = run.filter(({ line }) => interrupts(line)).length;
    const arePages = run.every(({ line }, i) => i === 0 || line - run[i - 1]!.line >= MIN_PAGE_LINES);
    const feet = run.filter(({ line, value }) => value > MAX_STANZA && isFoot(lines, line)).length;
    if (
      arePages && run.length > 1
        ? interrupting > 0 || feet >= run.length / 2 || areEvenlyApart(run)
        : run.length >= MIN_PAGE_RUN && interrupting >= run.length / 4
    )
      for (const { line } of run) removed[line] = 1;
    start = end;
  }
  // one that stands inside a sentence, with a blank line beside it, needs no others
  for (const { line } of numbers) {
    const isApart = isBlankAt(lines, line - 1) || isBlankAt(lines, line + 1);
    if (isApart && interruptions(lines, new Set([line]))(line)) removed[line] = 1;
    else if (isDivided && isFoot(lines, line) && lines.length(line - 1) >= FULL_LINE) removed[line] = 1;
  }
}

/** Whether a number closes the page: directly below a line, blank below it. A chapter's stands the other way. */
const isFoot = (lines: TextLines, at: number) =>
  at > 0 && !lines.isBlank(at - 1) && (at + 1 === lines.count || lines.isBlank(at + 1));

/** Pages are about equally long, chapters are not. */
function areEvenlyApart(run: readonly NumberLine[]): boolean {
  if (run.length < MIN_PAGE_RUN || (run[0] as NumberLine).value <= MAX_STANZA) return false;
  const gaps = run.slice(1).map(({ line }, i) => line - (run[i] as NumberLine).line);
  return Math.max(...gaps) <= Math.min(...gaps) * PAGE_EVENNESS;
}

/**
 * Lines that stand in the text again and again, now and then in the middle of a sentence: the same with a
 * rising page number, or always the same with a date or a copyright sign.
 */
function markRepeatedHeads(lines: TextLines, removed: Uint8Array): void {
  if (lines.count < MIN_HEAD_REPEATS) return;
  const places = new Map<string, number[]>();
  for (const i of findLikeLines(lines)) {
    const line = lines.line(i);
    if (/^[\p{Ll}(]/u.test(line)) continue;
    const key = line.replace(/\d+/g, "#");
    const found = places.get(key);
    if (found === undefined) places.set(key, [i]);
    else found.push(i);
  }
  const repeated = new Set<number>();
  for (const found of places.values())
    if (found.length >= MIN_HEAD_REPEATS) for (const i of found) repeated.add(i);
  for (const found of places.values()) {
    if (found.length < MIN_HEAD_REPEATS || !isHead(found.map((i) => lines.line(i)))) continue;
    const interrupting = found.filter(interruptions(lines, repeated)).length;
    if (interrupting >= 2 && interrupting >= found.length * MIN_INTERRUPTING)
      for (const i of found) removed[i] = 1;
  }
}

/** Lines of a head's length with a number or `©` that are like enough others, numbers left out of account. */
function findLikeLines(lines: TextLines): readonly number[] {
  const found: number[] = [];
  for (let i = 0; i < lines.count; i++) {
    const length = lines.length(i);
    if (length >= 4 && length <= 100 && lines.holds(i, IN_LINE.digit | IN_LINE.copyright)) found.push(i);
  }
  if (found.length < MIN_HEAD_REPEATS) return [];
  const counts = countsFor(found.length);
  const keys = found.map((i) => lines.keyWithoutNumbers(i));
  for (const key of keys) counts.add(key);
  return found.filter((_, k) => counts.count(keys[k] as number) >= MIN_HEAD_REPEATS);
}

/** Whether the copies of a line differ as page heads do: not at all, or by a number that rises. */
function isHead(copies: readonly string[]): boolean {
  if (copies.every((copy) => copy === copies[0])) return true;
  const numbers = copies.map((copy) => Number(/\d+/.exec(copy)?.[0]));
  return numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number));
}

/**
 * Tells of repeated lines whether the text goes on in small letters behind the group that they stand in. A group's lines
 * have one answer, which is kept for the next: to look around each of them would take the square of their number.
 */
function interruptions(lines: TextLines, repeated: ReadonlySet<number>): (at: number) => boolean {
  const skip = (i: number) => lines.isBlank(i) || repeated.has(i);
  let [before, after] = [-1, -1];
  let interrupts = false;
  return (at) => {
    if (before < at && at < after) return interrupts;
    before = at - 1;
    while (before >= 0 && skip(before)) before -= 1;
    after = at + 1;
    while (after < lines.count && skip(after)) after += 1;
    const open = lines.line(before);
    interrupts =
      open.length >= FULL_LINE && /[\p{Ll},-]$/u.test(open.slice(-2)) && /^\p{Ll}/u.test(lines.line(after));
    return interrupts;
  };
}

function markGarbage(lines: TextLines, removed: Uint8Array): void {
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i) || lines.length(i) > 60) continue;
    const line = lines.line(i);
    if (!/\p{L}{2}|\d/u.test(line) && !LONE_WORD.test(line)) removed[i] = 1;
    else if ((line.match(GARBAGE_SIGNS)?.length ?? 0) >= 2) {
      const letters = line.match(/[\p{Ll}\s]/gu)?.length ?? 0;
      if (letters < line.length * 0.6) removed[i] = 1;
    }
  }
}
