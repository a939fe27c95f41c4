import { LIKELY_TRIGRAMS } from "./likely-trigrams.ts";

/** The letters of Polish words, foreign ones in names included; all other characters are the edge of a word, 0. */
const LETTERS = "aąbcćdeęfghijklłmnńoóprsśtuwyzźżqvx";
const SYMBOLS = LETTERS.length + 1;
/** Trigrams in a table of bits. */
export const TRIGRAMS = SYMBOLS ** 3;

/** Of a longer text, this much of its beginning, middle and end is read: the share needs no more. */
const SAMPLE_CHARACTERS = 1500;

let codes: Uint8Array | undefined;
let likely: Uint8Array | undefined;

/**
 * Share of letter triples that Polish words do not have, among all triples of a sample: a word's edges count
 * as letters. It stands for the share of words outside a dictionary, without one: misread, misrecognised,
 * foreign and random words are made of such triples.
 *
 * @param text in NFC
 */
export function unlikelyShare(text: string): number {
  likely ??= Buffer.from(LIKELY_TRIGRAMS, "base64");
  const table = likely;
  let unlikely = 0;
  let all = 0;
  forEachTrigram(text, (trigram) => {
    all += 1;
    if (((table[trigram >> 3] as number) & (1 << (trigram & 7))) === 0) unlikely += 1;
  });
  return unlikely / Math.max(all, 1);
}

/** Calls `see` with the number, below `TRIGRAMS`, of every triple of letters in the sample. */
export function forEachTrigram(text: string, see: (trigram: number) => void): void {
  if (text.length <= SAMPLE_CHARACTERS * 3) readPart(text, 0, text.length, see);
  else {
    for (const start of [0, (text.length - SAMPLE_CHARACTERS) >> 1, text.length - SAMPLE_CHARACTERS])
      readPart(text, start, start + SAMPLE_CHARACTERS, see);
  }
}

function readPart(text: string, start: number, end: number, see: (trigram: number) => void): void {
  codes ??= buildCodes();
  let [first, second] = [0, 0];
  for (let i = start; i <= end; i++) {
    const third = i === end ? 0 : (codes[text.charCodeAt(i)] as number);
    // only triples around a letter: the middle one says what the triple is about
    if (second !== 0) see((first * SYMBOLS + second) * SYMBOLS + third);
    first = second;
    second = third;
  }
}

function buildCodes(): Uint8Array {
  const built = new Uint8Array(0x10000);
  for (const [i, letter] of [...LETTERS].entries()) {
    built[letter.charCodeAt(0)] = i + 1;
    built[letter.toUpperCase().charCodeAt(0)] = i + 1;
  }
  return built;
}
