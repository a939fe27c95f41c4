import { countsFor } from "./hash-counts.ts";
import { IN_LINE } from "./line-table.ts";
import type { TextLines } from "./text-lines.ts";
import { MARGIN, unitsOf } from "./units.ts";

/** Shapes of a text's lines, blank ones left out. */
export interface Lines {
  readonly count: number;
  readonly blank: number;
  /** Lines that begin with a bullet, end in an ellipsis, end in sentence punctuation, or hold one word. */
  readonly bullets: number;
  readonly ellipses: number;
  readonly punctuated: number;
  readonly oneWord: number;
  /** Lines of up to 30 characters. */
  readonly short: number;
  readonly characters: number;
  /** Characters in paragraphs: lines of at least 80 that end a sentence. */
  readonly prose: number;
  /** Lines that stood in the text before, and the characters in them. */
  readonly duplicates: number;
  readonly duplicateCharacters: number;
}

const SHORT_LINE = 30;
const PARAGRAPH = 80;
const SENTENCE_ENDS = new Set([...".!?…:;"].map((mark) => mark.charCodeAt(0)));
const BULLETS = new Set([..."-–•*·▪►‣"].map((bullet) => bullet.charCodeAt(0)));
const PUNCTUATION = new Set([...'.!?…:;,"”»“)'].map((mark) => mark.charCodeAt(0)));
const [SPACE, FULL_STOP, ELLIPSIS] = [32, 46, 0x2026];

export function readLines(lines: TextLines): Lines {
  const { text } = lines;
  const units = unitsOf(text);
  const sums = { count: 0, blank: 0, bullets: 0, ellipses: 0, punctuated: 0, oneWord: 0, short: 0 };
  let [characters, prose] = [0, 0];
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i)) {
      sums.blank += 1;
      continue;
    }
    const start = MARGIN + lines.start(i);
    const end = MARGIN + lines.end(i);
    const last = units[end - 1] as number;
    sums.count += 1;
    characters += end - start;
    if (units[start + 1] === SPACE && BULLETS.has(units[start] as number)) sums.bullets += 1;
    if (last === ELLIPSIS || (last === FULL_STOP && text.endsWith("...", end - MARGIN))) sums.ellipses += 1;
    if (PUNCTUATION.has(last)) sums.punctuated += 1;
    if (end - start >= PARAGRAPH && SENTENCE_ENDS.has(last)) prose += end - start;
    if (end - start <= SHORT_LINE) sums.short += 1;
    if (!lines.holds(i, IN_LINE.space)) sums.oneWord += 1;
  }
  return { ...sums, characters, prose, ...findDuplicates(lines, units) };
}

/** The lines that stood in the text before. */
function findDuplicates(
  lines: TextLines,
  units: Uint16Array,
): Pick<Lines, "duplicates" | "duplicateCharacters"> {
  const found = { duplicates: 0, duplicateCharacters: 0 };
  // most lines differ from all others at their ends already, and need not be compared as a whole
  const ends = countsFor(lines.count);
  let mayRepeat = false;
  const keys = new Int32Array(lines.count);
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i)) continue;
    const key = keyOfEnds(units, MARGIN + lines.start(i), MARGIN + lines.end(i));
    keys[i] = key;
    if (ends.add(key) > 1) mayRepeat = true;
  }
  if (!mayRepeat) return found;
  const seen = new Set<string>();
  for (const [i, key] of keys.entries()) {
    if (lines.isBlank(i) || ends.count(key) === 1) continue;
    const line = lines.line(i);
    if (seen.has(line)) {
      found.duplicates += 1;
      found.duplicateCharacters += line.length;
    } else seen.add(line);
  }
  return found;
}

/** A 32-bit hash of a line's length and its first and last few characters. */
function keyOfEnds(units: Uint16Array, start: number, end: number): number {
  let key = end - start;
  const few = Math.min(6, end - start);
  for (let i = 0; i < few; i++) {
    key = Math.imul(key ^ (units[start + i] as number), 0x01000193);
    key = Math.imul(key ^ (units[end - 1 - i] as number), 0x85ebca6b);
    key ^= key >>> 15;
  }
  return key;
}
