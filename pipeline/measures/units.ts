/**
 * Units kept before a text's first one and behind its last, so that a look at a neighbour needs no bounds check, and
 * eight units can be read wherever one is.
 */
export const MARGIN = 8;
/** Memory for one longer text is given back with the next ordinary one. */
const ORDINARY = 1 << 22;

const NEWLINE = 10;
let scratch = Buffer.alloc(0);
let units = new Uint16Array(0);
/** The text whose units are there: the next measure is often of the same one. */
let present = "";

/**
 * The UTF-16 units of a text in flat memory, from index `MARGIN` on; newlines stand before it, zeros behind.
 * Valid until the next call, and only to be read.
 *
 * A loop over a typed array costs half of one over `charCodeAt`, which asks for the string's inner form at
 * every character; the copy is done at 10 GB/s (2026-11).
 */
export function unitsOf(text: string): Uint16Array {
  if (text === present && present !== "") return units;
  present = text;
  return fill(text);
}

/** The same memory, to be written to. */
export function unitsToChange(text: string): Uint16Array {
  present = "";
  return fill(text);
}

/** The same memory for a text of up to so many units, to be written there; see `textOfUnits`. */
export function newUnits(length: number): Uint16Array {
  present = "";
  return reserve(length);
}

/** The text of so many units that was written to such memory; its units are then valid as those of `unitsOf` are. */
export function textOfUnits(length: number): string {
  endWithZeros(length);
  present = scratch.toString("utf16le", MARGIN * 2, (MARGIN + length) * 2);
  return present;
}

function fill(text: string): Uint16Array {
  reserve(text.length);
  scratch.write(text, MARGIN * 2, "utf16le");
  endWithZeros(text.length);
  return units;
}

const endWithZeros = (length: number) => units.fill(0, MARGIN + length, length + 2 * MARGIN);

function reserve(length: number): Uint16Array {
  const needed = length + 2 * MARGIN;
  if (units.length < needed || (units.length > ORDINARY && needed < ORDINARY / 4)) {
    units = new Uint16Array(needed > ORDINARY ? needed : Math.max(needed * 2, 1 << 16));
    scratch = Buffer.from(units.buffer);
    units.fill(NEWLINE, 0, MARGIN);
  }
  return units;
}
