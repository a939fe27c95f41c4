import { mark, markCharacters, unitsIn } from "./unit-tables.ts";

/** What a UTF-16 unit is where a line begins or ends, as a set of bits. */
export const UNIT = {
  letter: 1,
  small: 2,
  capital: 4,
  /** Half of a character beyond the basic plane: what it is takes both. */
  surrogate: 8,
  /** What `\s` matches. */
  space: 16,
  /** Marks that a sentence ends in, and what may close behind them. */
  sentenceMark: 32,
  sentenceCloser: 64,
  /** Marks that a verse ends in, and what may close behind them. */
  verseMark: 128,
  verseCloser: 256,
  /** What may stand before a sentence's first letter. */
  opener: 512,
  /** The same, with the mark that opens a quotation in a quotation. */
  quote: 1024,
  /** Signs and figures that may begin something of its own, and what must follow on a letter for it. */
  beginner: 2048,
  behindLetter: 4096,
  /** What cuts a word at a line's end: a hyphen, `¬` (what some programs make of the soft one), `=` (what OCR does). */
  divider: 8192,
} as const;

const CHARACTERS: readonly (readonly [characters: string, bit: number])[] = [
  [".!?…:;", UNIT.sentenceMark],
  ['"”»’)]*', UNIT.sentenceCloser],
  [",;:.!?…—–-", UNIT.verseMark],
  ['"”»)', UNIT.verseCloser],
  ['„"(', UNIT.opener],
  ['„"(»', UNIT.quote],
  ["-–—•*·▪►><[(§0123456789", UNIT.beginner],
  ["0123456789).", UNIT.behindLetter],
  ["-¬=", UNIT.divider],
];
const PATTERNS: readonly (readonly [pattern: RegExp, bit: number])[] = [
  [/\p{L}+/gu, UNIT.letter],
  [/\p{Ll}+/gu, UNIT.small],
  [/\p{Lu}+/gu, UNIT.capital],
  [/[\ud800-\udfff]+/g, UNIT.surrogate],
  [/\s+/g, UNIT.space],
];

let kinds: Uint16Array | undefined;

/** Bits of `UNIT` for each UTF-16 unit. */
export function unitKinds(): Uint16Array {
  kinds ??= buildKinds();
  return kinds;
}

function buildKinds(): Uint16Array {
  const built = new Uint16Array(0x10000);
  for (const [pattern, bit] of PATTERNS) mark(built, unitsIn(pattern), bit);
  for (const [characters, bit] of CHARACTERS) markCharacters(built, characters, bit);
  return built;
}
