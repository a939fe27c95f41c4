import { BYTE_LETTER_CODES, BYTE_LETTERS } from "../engine/byte-level.ts";
import { METASPACE, SPACE } from "../engine/pre-tokenizer.ts";
import { decodeCodePoints } from "../engine/utf8.ts";
import type { WordList } from "./word-list.ts";

/** Code points there are. */
const CODE_POINTS = 0x110000;

const METASPACE_CODE = METASPACE.codePointAt(0) as number;

/** Room for the code points of any word of a list. */
export function codePointBuffer(words: WordList): Int32Array {
  let longest = 0;
  for (let i = 0; i < words.size; i++) {
    longest = Math.max(longest, (words.starts[i + 1] as number) - (words.starts[i] as number));
  }
  return new Int32Array(longest);
}

/** Writes the characters of a word to `target` as code points. @returns how many there are */
export type WordReader = (words: WordList, index: number, target: Int32Array) => number;

/** Words as characters, a leading space as "▁". */
export const readCharacters: WordReader = ({ bytes, starts }, index, target) => {
  const length = decodeCodePoints(bytes, starts[index] as number, starts[index + 1] as number, target);
  if (target[0] === SPACE) target[0] = METASPACE_CODE;
  return length;
};

/** Words as bytes, each by its letter (`BYTE_LETTERS`). */
export const readByteLetters: WordReader = ({ bytes, starts }, index, target) => {
  const start = starts[index] as number;
  const end = starts[index + 1] as number;
  for (let at = start; at < end; at++) target[at - start] = BYTE_LETTER_CODES[bytes[at] as number] as number;
  return end - start;
};

/** Code points of the letters of all bytes, ascending: the alphabet of a byte-level vocabulary. */
export const BYTE_ALPHABET: readonly number[] = BYTE_LETTERS.map(
  (letter) => letter.codePointAt(0) as number,
).sort((a, b) => a - b);

/**
 * The characters a vocabulary starts from, as code points in ascending order.
 *
 * @param limit keep at most so many, the most frequent ones. Where two are equally frequent the smaller code point
 *   is kept; the reference leaves that to chance (an unstable sort of a hash map), so this is the one place where
 *   it has no defined answer.
 */
export function countAlphabet(words: WordList, limit: number | undefined): number[] {
  const tally = new Float64Array(CODE_POINTS); // a Map took three times as long
  for (const [codePoint, count] of words.rareCharacters ?? []) tally[codePoint] = count;
  const codePoints = codePointBuffer(words);
  for (let i = 0; i < words.size; i++) {
    const length = readCharacters(words, i, codePoints);
    const weight = words.counts[i] as number;
    for (let at = 0; at < length; at++) {
      const codePoint = codePoints[at] as number;
      tally[codePoint] = (tally[codePoint] as number) + weight;
    }
  }
  const counts: [number, number][] = [];
  for (let codePoint = 0; codePoint < CODE_POINTS; codePoint++) {
    const count = tally[codePoint] as number;
    if (count > 0) counts.push([codePoint, count]);
  }
  const byFrequency = counts.sort(([a, countA], [b, countB]) => countB - countA || a - b);
  return byFrequency
    .slice(0, limit ?? byFrequency.length)
    .map(([codePoint]) => codePoint)
    .sort((a, b) => a - b);
}
