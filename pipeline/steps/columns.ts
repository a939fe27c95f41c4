import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/** Column at which the right half of a page begins at the earliest, in characters. */
const MIN_RIGHT = 30;
/** Spaces before it: a wider gap than any between words. */
const GAP = 3;
/** Texts without one as wide have no columns. */
const WIDE_GAP = MIN_RIGHT / 2;
const SPACE = 32;
/** Share of a page's lines that must begin their right half in the same column. */
const MIN_SHARE = 0.3;
const MIN_LINES = 12;
/** A paragraph's first line is set in by so much at most; lines that begin so often before it are its others. */
const MAX_INDENT = 6;
const MIN_MARGIN_LINES = 3;

/**
 * Puts the columns of a page that was extracted with its layout one below the other. The lines above both,
 * which stand across the gutter, are the page's running head and go.
 */
export const columns: Step = {
  name: "columns",
  version: 2,
  create: () => (text, measures) => {
    if (!measures.has(SIGN.untidy) || !hasWideGap(text)) return keep(text);
    return keep(text.split("\f").map(splitPage).join("\n\n"));
  },
};

/** Whether there is a gap of half the left column; one so wide holds a place whose number its width divides. */
function hasWideGap(text: string): boolean {
  for (let at = WIDE_GAP - 1; at < text.length; at += WIDE_GAP) {
    if (text.charCodeAt(at) !== SPACE) continue;
    let start = at;
    while (text.charCodeAt(start - 1) === SPACE) start -= 1;
    let end = at + 1;
    while (text.charCodeAt(end) === SPACE) end += 1;
    if (end - start >= WIDE_GAP) return true;
  }
  return false;
}

function splitPage(page: string): string {
  const lines = page.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length < MIN_LINES) return page;
  const gutter = findGutter(lines);
  if (gutter === undefined) return page;
  const left: string[] = [];
  const right: string[] = [];
  const isSplit = (line: string) => line.slice(gutter - GAP, gutter).trim() === "";
  const body = lines.findIndex(
    (line) => isSplit(line) && line.slice(gutter, gutter + MAX_INDENT + 1).trim() !== "",
  );
  for (const line of lines.slice(body)) {
    if (!isSplit(line)) left.push(line.trim());
    else {
      left.push(line.slice(0, gutter).trim());
      right.push(line.slice(gutter).trim());
    }
  }
  return [...left, ...right].filter((line) => line !== "").join("\n");
}

/**
 * The column in which most right halves begin; undefined when the page is not set in two. Where most lines there begin
 * paragraphs, that is the indented column, and the right half begins before it.
 */
function findGutter(lines: readonly string[]): number | undefined {
  const counts = new Map<number, number>();
  for (const line of lines) {
    for (const match of line.matchAll(/(?<= {3})\S/g)) {
      if (match.index >= MIN_RIGHT) counts.set(match.index, (counts.get(match.index) ?? 0) + 1);
    }
  }
  const [column, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [0, 0];
  const beginAtMargin = lines.filter((line) => /^ {0,12}\S/.test(line)).length;
  if (count < lines.length * MIN_SHARE || beginAtMargin < lines.length * MIN_SHARE) return undefined;
  const isMargin = ([at, found]: readonly [number, number]) =>
    at < column && at >= column - MAX_INDENT && found >= MIN_MARGIN_LINES;
  return Math.min(column, ...[...counts].filter(isMargin).map(([at]) => at));
}
