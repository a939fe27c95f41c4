import { EDGE, type TextLines } from "../measures/text-lines.ts";
import { isKnownWord } from "../measures/word-borders.ts";

export const PAGE_NUMBER = /^[-–—[(|\s]*(?:\d{1,4}|[ivxlc]{1,7})[-–—\])|\s]*$/;
/** `194  Emil Zola.` or `Emil Zola. 194`: a page number with the book's or chapter's name. */
const RUNNING_HEAD = /^(?:[\d*„".,]{1,5}\s+\p{Lu}[^.!?]{2,50}[.,]?|\p{Lu}[^.!?]{2,50}[.,]?\s+\d{1,4}[.,]?)$/u;
/** `EGZAMIN WSTĘPNY 9`, and below a number the same without. */
const CAPITAL_HEAD = /^\p{Lu}[\p{Lu}\s.,–-]{7,100}\s\d{1,4}$/u;
const CAPITALS = /^\p{Lu}[\p{Lu}\s.,–-]{7,100}$/u;
/** What printers set below every sixteenth page: the book's name and the sheet's number, `Pamiętniki. Tom II. 6*`. */
const SHEET_MARK = /^\p{Lu}.{2,45}\s\d{1,2}[.*]{0,2}$/u;

/** Words, neither names nor in capitals: it may be the title of a definition, which begins in small letters, too. */
const TITLE = /^\p{Lu}\p{Ll}+(?:\s\p{Ll}+)+$/u;

/** A chapter's number, or a letter that divides an index. */
const NUMERAL = /^[\s.,—–-]*[\p{Lu}\d][IVXLC\d]*[\s.,)—–-]*$/u;
/** Longer lines may say something in words we do not know. */
const MAX_RUBBISH = 12;

/** Who speaks from here on, in the minutes of a meeting: `Wicemarszałek Dorota Niedziela:`. */
export const SPEAKER = /^\p{Lu}\p{Ll}+(?: \p{Lu}[\p{L}-]+){0,7}:$/u;
/** Lines of a running title, at most. */
const MAX_TITLE_LINES = 4;

/** A text of fewer lines is no page. */
const MIN_PAGE_LINES = 8;
/** A smaller number above a text may be its chapter's, or a poem's. */
const MAX_CHAPTER = 40;
/** Numbers that are only a page's, even below a title. */
const [MIN_HIGH_PAGE, MAX_HIGH_PAGE] = [100, 999];
/** Lines above and below a page's text: so many, and none longer. */
const MAX_EDGE_LINES = 4;
const MAX_EDGE_LINE = 100;
/** A line of text that shows that it goes on from the page before is at least so long. */
const MIN_TEXT = 40;
/** A page's first line is a full one, unless it ends a paragraph: a head is shorter than this share of the next. */
const HEAD_SHARE = 0.7;

/** A bare number that stands apart at a page's end, above or below all of its text, also with a title in capitals. */
export function markLoneEnds(lines: TextLines, removed: Uint8Array): void {
  if (lines.count < MIN_PAGE_LINES) return;
  const [first, last] = [0, lines.count - 1];
  if (lines.isBlank(first + 1)) {
    const head = lines.line(first);
    const goesOn = () =>
      /^\p{Ll}/u.test(lines.line(first + 2)) || Number(/\d+/.exec(head)?.[0]) > MAX_CHAPTER;
    if (PAGE_NUMBER.test(head) && goesOn()) removed[first] = 1;
  }
  markNumberedHead(lines, removed);
  if (!lines.isBlank(last - 1)) return;
  const foot = lines.line(last);
  if (PAGE_NUMBER.test(foot) || CAPITAL_HEAD.test(foot)) removed[last] = 1;
  else if (CAPITALS.test(foot) && /\d/.test(lines.line(last - 2)) && PAGE_NUMBER.test(lines.line(last - 2))) {
    removed[last] = 1;
    removed[last - 2] = 1;
  }
}

/** What stands above and below the text of a scanned page: its number, running heads, the printer's marks. */
export function markPageEnds(lines: TextLines, removed: Uint8Array): void {
  const left: number[] = [];
  for (let i = 0; i < lines.count; i++) if (!lines.isBlank(i) && removed[i] === 0) left.push(i);
  const isMarginal = (i: number, beside: number) => isRubbish(lines, i) && isBlankAt(lines, beside);
  const first = left.findIndex((i) => !isMarginal(i, i + 1));
  const begin = first < 0 ? left.length : first;
  const end = Math.max(begin, left.findLastIndex((i) => !isMarginal(i, i - 1)) + 1);
  for (const i of [...left.slice(0, begin), ...left.slice(end)]) removed[i] = 1;
  const filled = left.slice(begin, end);
  markHeads(lines, filled.slice(0, MAX_EDGE_LINES + 1), removed);
  const last = filled.slice(-2);
  for (const i of [...filled.slice(0, 2), ...last]) if (PAGE_NUMBER.test(lines.line(i))) removed[i] = 1;
  const head = filled[0];
  if (head !== undefined && isBlankAt(lines, head + 1) && RUNNING_HEAD.test(lines.line(head)))
    removed[head] = 1;
  const [text, foot] = last;
  if (text === undefined || foot === undefined || !lines.isBlank(foot - 1)) return;
  // the sentence goes on overleaf
  if (!lines.has(text, EDGE.endsSentence) && SHEET_MARK.test(lines.line(foot))) removed[foot] = 1;
}

/** A few signs of which no two letters are a word, nor a chapter's number: what was seen in a margin or a picture. */
function isRubbish(lines: TextLines, i: number): boolean {
  if (lines.length(i) > MAX_RUBBISH) return false;
  const line = lines.line(i);
  const words = line.match(/\p{L}{2,}/gu) ?? [];
  return (
    /\p{L}/u.test(line) && !NUMERAL.test(line) && words.every((word) => word.length < 4 && !isKnownWord(word))
  );
}

/** What stands, each line apart, above a number that is no chapter's and no year. */
function markNumberedHead(lines: TextLines, removed: Uint8Array): void {
  for (let i = 0; i <= 2 * MAX_EDGE_LINES && i < lines.count; i += 2) {
    if (!isBlankAt(lines, i + 1) || !isEdge(lines, i)) return;
    const value = PAGE_NUMBER.test(lines.line(i)) ? Number(/\d+/.exec(lines.line(i))?.[0]) : 0;
    if (value < MIN_HIGH_PAGE || value > MAX_HIGH_PAGE) continue;
    for (let head = 0; head <= i; head += 2) removed[head] = 1;
    markItemHead(lines, i + 2, removed);
    return;
  }
}

/**
 * Below the number of a page of minutes, the title of the item in hand, and who speaks, with no colon if he spoke on the
 * page before: both stand above every page. The title stays where no speech follows.
 */
function markItemHead(lines: TextLines, first: number, removed: Uint8Array): void {
  let last = first;
  while (last < lines.count && !lines.isBlank(last)) last += 1;
  const speaker = last + 1;
  if (last === first || last - first > MAX_TITLE_LINES || speaker + 1 >= lines.count) return;
  for (let i = first; i < last; i++) if (!isEdge(lines, i)) return;
  if (!lines.has(last - 1, EDGE.endsInLetter) && !/[\d.]$/.test(lines.line(last - 1))) return;
  const goesOn = isRunningSpeaker(lines, speaker);
  if (!goesOn && !SPEAKER.test(lines.line(speaker))) return;
  removed.fill(1, first, last);
  if (goesOn && lines.has(speaker + 1, EDGE.startsSmall)) removed[speaker] = 1;
}

/** A name without a colon, directly above a text. */
const isRunningSpeaker = (lines: TextLines, i: number) =>
  SPEAKER.test(`${lines.line(i)}:`) && !lines.isBlank(i + 1);

const isEdge = (lines: TextLines, i: number) =>
  lines.length(i) > 0 && lines.length(i) <= MAX_EDGE_LINE && !/^[—–-]/.test(lines.line(i));

/** Heads of a page whose text goes on from the one before, so that no title of its own can stand above it. */
function markHeads(lines: TextLines, filled: readonly number[], removed: Uint8Array): void {
  const start = filled.findIndex((i) => removed[i] === 0 && lines.length(i) >= MIN_TEXT);
  const text = filled[start];
  if (start <= 0 || text === undefined || !lines.has(text, EDGE.startsSmall)) return;
  const heads = filled.slice(0, start).filter((i) => removed[i] === 0);
  const isHead = (i: number) =>
    isEdge(lines, i) &&
    !lines.has(i, EDGE.startsSmall) &&
    !TITLE.test(lines.line(i)) &&
    (lines.isBlank(i + 1) ||
      (i === filled[0] &&
        !lines.has(i, EDGE.endsSentence) &&
        lines.has(i, EDGE.endsInLetter) &&
        lines.length(i) < lines.length(i + 1) * HEAD_SHARE));
  if (heads.every(isHead)) for (const i of heads) removed[i] = 1;
}

/** Whether a line is there, and blank. */
export const isBlankAt = (lines: TextLines, i: number) => i >= 0 && i < lines.count && lines.isBlank(i);
