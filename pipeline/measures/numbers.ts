import { MARGIN, unitsOf } from "./units.ts";

/**
 * What a text's digits could be, as a set of bits: one pass over them tells which of a dozen patterns are worth
 * a search. A bit may be set without need; one that is not set is certain.
 */
export const NUMBER = {
  /** Nine digits with at most two other signs between any of them: telephones, accounts, PESEL, NIP, REGON. */
  long: 1,
  /** Seven with at most one between: local telephone numbers. */
  local: 2,
  /** Six in a row: identity cards, passports. */
  solid: 4,
  /** Four groups with full stops between: addresses of computers. */
  dotted: 8,
  /** Six to eight capitals and digits, two of which may stand before a space or hyphen: number plates. */
  plate: 16,
  /** Five groups that stand directly behind a small letter or its mark: footnotes. */
  noteMarks: 32,
  /** Two digits with a comma or colon and a space between them: `26, 15`, `18: 00`. */
  torn: 64,
} as const;

const ZERO = 48;
const [FULL_STOP, HYPHEN, SPACE, COMMA, COLON] = [46, 45, 32, 44, 58];
const PLAIN_MARKS = new Set([...'.,;!?"'].map((mark) => mark.charCodeAt(0)));
/** Letters of the alphabet below this are capitals, other signs than letters and digits stand among the lower ones. */
const SMALL = 91;

/** Signs of a plate, and of what stands behind the place. */
const [MIN_PLATE, MAX_PLATE, MIN_PLATE_REST] = [6, 8, 4];

const isCapital = (unit: number) => unit >= 65 && unit <= 90;

const isPlateSign = (unit: number) => isCapital(unit) || (unit - ZERO) >>> 0 <= 9;

/** Whether capitals and digits around the first of some digits are as many as a plate has; see the step `anonymise`. */
function mayBePlate(units: Uint16Array, digit: number): boolean {
  let start = digit;
  while (digit - start < MARGIN && isPlateSign(units[start - 1] as number)) start -= 1;
  let end = digit + 1;
  while (end - digit < MARGIN && isPlateSign(units[end] as number)) end += 1;
  const separator = units[start - 1] as number;
  const isApart = separator === SPACE || separator === HYPHEN;
  const place = isApart && isCapital(units[start - 2] as number) && isCapital(units[start - 3] as number);
  return (place ? MIN_PLATE_REST : MIN_PLATE) <= end - start && end - start <= MAX_PLATE;
}

/** The `NUMBER` bits of a text, OR-ed together. */
export function readNumbers(text: string): number {
  const units = unitsOf(text);
  const end = MARGIN + text.length;
  let found = 0;
  let last = -MARGIN; // no digit is near it
  let lastDotted = -MARGIN;
  let [long, local, solid, dotted, noteMarks] = [0, 0, 0, 0, 0];
  for (let i = MARGIN; i < end; i++) {
    const unit = units[i] as number;
    if ((unit - ZERO) >>> 0 > 9) continue; // one comparison: two would be guessed wrong at every space
    const gap = i - last;
    last = i;
    long = gap <= 3 ? long + 1 : 1;
    local = gap <= 2 ? local + 1 : 1;
    solid = gap === 1 ? solid + 1 : 1;
    if (long === 9) found |= NUMBER.long;
    if (local === 7) found |= NUMBER.local;
    if (solid === 6) found |= NUMBER.solid;
    if (gap === 1) continue;
    const previous = units[i - 1] as number;
    const beforePrevious = units[i - 2] as number;
    if (gap === 2 && previous === FULL_STOP) {
      dotted = i - lastDotted <= 4 ? dotted + 1 : 1;
      lastDotted = i;
      if (dotted === 3) found |= NUMBER.dotted;
    }
    if (gap === 3 && previous === SPACE && (beforePrevious === COMMA || beforePrevious === COLON))
      found |= NUMBER.torn;
    if ((isCapital(previous) || isCapital(beforePrevious)) && mayBePlate(units, i)) found |= NUMBER.plate;
    if ((PLAIN_MARKS.has(previous) ? beforePrevious : previous) >= SMALL) noteMarks += 1;
  }
  return noteMarks >= 5 ? found | NUMBER.noteMarks : found;
}
