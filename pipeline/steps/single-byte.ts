import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/** The bytes of Polish letters in each encoding differ only here: everywhere else the two agree. */
const CONFUSIONS = [
  { written: "iso-8859-2", read: "windows-1250" },
  { written: "windows-1250", read: "iso-8859-2" },
  { written: "windows-1250", read: "windows-1252" },
  { written: "iso-8859-2", read: "windows-1252" },
] as const;

const POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ";
/** Misread letters a text must hold before it is touched: one may be a sign that means itself (`5 ¹`, `±2`). */
const MIN_OCCURRENCES = 3;
/** Among all letters; the letters concerned (ą ś ź alone) are 2.5 % of Polish. */
const MIN_SHARE = 0.004;
/** The same letters, written right, that the text may hold beside: a healthy text has many of them. */
const MAX_HEALTHY_SHARE = 0.1;
/** Czech and Slovak use `š`, `ľ` and the like for themselves. */
const NEIGHBOUR = /[ěřůčďťň]/;
const LETTER = /\p{L}/u;

/**
 * Undoes a one-byte encoding read as another: `ma³a ¿aba` → `mała żaba`, `wi±z` → `wiąz`.
 *
 * Such signs are letters only next to a letter, and only in a text that hardly has the letters they stand for.
 */
export const singleByte: Step = {
  name: "single-byte",
  version: 1,
  create() {
    const tables = CONFUSIONS.map(({ written, read }) => confusionTable(written, read));
    return (text, measures) => keep(measures.has(SIGN.misreadByte) ? repair(text, tables) : text);
  },
};

function repair(text: string, tables: readonly ReadonlyMap<string, string>[]): string {
  if (NEIGHBOUR.test(text)) return text;
  let best: { readonly table: ReadonlyMap<string, string>; readonly score: number } | undefined;
  for (const table of tables) {
    const signs = text.match(patternOf(table))?.length ?? 0;
    if (signs < MIN_OCCURRENCES || signs < text.length * (MIN_SHARE / 2)) continue;
    const score = countMisread(text, table);
    if (score > (best?.score ?? 0)) best = { table, score };
  }
  if (best === undefined) return text;
  const { table } = best;
  return text.replace(patternOf(table), (sign, at: number) =>
    touchesLetter(text, at, table) ? (table.get(sign) as string) : sign,
  );
}

/** How many signs of the table stand where letters do; 0 when the text does not look misread this way. */
function countMisread(text: string, table: ReadonlyMap<string, string>): number {
  let misread = 0;
  let healthy = 0;
  let letters = 0;
  const right = new Set(table.values());
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (table.has(character) && touchesLetter(text, i, table)) misread += 1;
    else if (right.has(character)) healthy += 1;
    else if (/[a-zA-Z]/.test(character)) letters += 1;
  }
  const isMisread =
    misread >= MIN_OCCURRENCES && misread >= letters * MIN_SHARE && healthy <= misread * MAX_HEALTHY_SHARE;
  return isMisread ? misread : 0;
}

function touchesLetter(text: string, at: number, table: ReadonlyMap<string, string>): boolean {
  const isLetter = (character: string) =>
    LETTER.test(character) || (table.has(character) && !/[\s\d]/.test(character));
  return isLetter(text.charAt(at - 1)) || isLetter(text.charAt(at + 1));
}

const patternOf = (table: ReadonlyMap<string, string>) => new RegExp(`[${[...table.keys()].join("")}]`, "g");

/** What each Polish letter of one encoding looks like in the other → the letter; only where they differ. */
function confusionTable(written: string, read: string): ReadonlyMap<string, string> {
  const decode = (encoding: string, byte: number) => new TextDecoder(encoding).decode(Uint8Array.of(byte));
  const table = new Map<string, string>();
  for (let byte = 0x80; byte <= 0xff; byte++) {
    const letter = decode(written, byte);
    const sign = decode(read, byte);
    if (POLISH.includes(letter) && sign !== letter) table.set(sign, letter);
  }
  return table;
}
