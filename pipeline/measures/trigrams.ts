import { LIKELY_TRIGRAMS } from "./likely-trigrams.ts";
import { MARGIN, unitsOf } from "./units.ts";

/** The letters of Polish words, foreign ones in names included; all other characters are the edge of a word, 0. */
const LETTERS = "aąbcćdeęfghijklłmnńoóprsśtuwyzźżqvx";
const SYMBOLS = LETTERS.length + 1;
/** Trigrams in a table of bits. */
export const TRIGRAMS = SYMBOLS ** 3;

/** Of a longer text, this much of its beginning, middle and end is read: the share needs no more. */
const SAMPLE_CHARACTERS = 1500;

/** What triples are told by. */
interface TrigramTables {
  readonly symbols: number;
  /** For each UTF-16 unit its number among the symbols. */
  readonly codes: Uint8Array;
  /** 1 for a triple that Polish does not have. */
  readonly unlikely: Uint8Array;
}
let tables: TrigramTables | undefined;

export function trigramTables(): TrigramTables {
  tables ??= {
    symbols: SYMBOLS,
    codes: buildCodes(),
    unlikely: unpack(Buffer.from(LIKELY_TRIGRAMS, "base64")),
  };
  return tables;
}

/**
 * Share of letter triples that Polish words do not have, among all triples of a sample: a word's edges count
 * as letters. It stands for the share of words outside a dictionary, without one: misread, misrecognised,
 * foreign and random words are made of such triples.
 *
 * @param text in NFC
 */
export function unlikelyShare(text: string): number {
  const { unlikely: table } = trigramTables();
  const trigrams = readTrigrams(text);
  let unlikely = 0;
  for (let i = 0; i < trigrams.length; i++) unlikely += table[trigrams[i] as number] as number;
  return unlikely / Math.max(trigrams.length, 1);
}

/** The numbers, below `TRIGRAMS`, of all triples of letters in the sample; valid until the next call. */
export function readTrigrams(text: string): Uint16Array {
  let count = 0;
  for (const [start, end] of sampleOf(text.length)) count = readPart(text, start, end, count);
  return found.subarray(0, count);
}

/** The parts of a text that are read: where each begins and ends. */
export function sampleOf(length: number): readonly (readonly [start: number, end: number])[] {
  if (length <= LONGEST_SAMPLE) return [[0, length]];
  const starts = [0, (length - SAMPLE_CHARACTERS) >> 1, length - SAMPLE_CHARACTERS];
  return starts.map((start) => [start, start + SAMPLE_CHARACTERS]);
}

const LONGEST_SAMPLE = SAMPLE_CHARACTERS * 3;
const found = new Uint16Array(LONGEST_SAMPLE + 3);

/** Puts the triples of a part behind the `count` that were found already; their number then. */
function readPart(text: string, start: number, end: number, count: number): number {
  const { codes } = trigramTables();
  const units = unitsOf(text);
  let next = count;
  let [first, second] = [0, 0];
  for (let i = start; i <= end; i++) {
    const third = i === end ? 0 : (codes[units[MARGIN + i] as number] as number);
    // only triples around a letter: the middle one says what the triple is about. All are written and most kept, since
    // no processor guesses where words end
    found[next] = (first * SYMBOLS + second) * SYMBOLS + third;
    next += Math.min(second, 1);
    first = second;
    second = third;
  }
  return next;
}

/** From a bit a triple that is likely to a byte a triple that is not. */
const unpack = (likely: Uint8Array) =>
  Uint8Array.from({ length: TRIGRAMS }, (_, i) => (((likely[i >> 3] as number) >> (i & 7)) & 1) ^ 1);

function buildCodes(): Uint8Array {
  const built = new Uint8Array(0x10000);
  for (const [i, letter] of [...LETTERS].entries()) {
    built[letter.charCodeAt(0)] = i + 1;
    built[letter.toUpperCase().charCodeAt(0)] = i + 1;
  }
  return built;
}
