import { METASPACE, SPACE } from "../engine/pre-tokenizer.ts";
import { decodeCodePoints } from "../engine/utf8.ts";
import type { WordList } from "./word-list.ts";

const METASPACE_CODE = METASPACE.codePointAt(0) as number;

/** Room for the code points of any word of a list. */
export function codePointBuffer(words: WordList): Int32Array {
  let longest = 0;
  for (let i = 0; i < words.size; i++) {
    longest = Math.max(longest, (words.starts[i + 1] as number) - (words.starts[i] as number));
  }
  return new Int32Array(longest);
}

/** Code points of word `index`, its leading space as "▁". @returns how many were written to `target` */
export function wordCodePoints(words: WordList, index: number, target: Int32Array): number {
  const { bytes, starts } = words;
  const length = decodeCodePoints(bytes, starts[index] as number, starts[index + 1] as number, target);
  if (target[0] === SPACE) target[0] = METASPACE_CODE;
  return length;
}

/**
 * The characters a vocabulary starts from, as code points in ascending order.
 *
 * @param limit keep at most so many, the most frequent ones. Where two are equally frequent the smaller code point
 *   is kept; the reference leaves that to chance (an unstable sort of a hash map), so this is the one place where
 *   it has no defined answer.
 */
export function countAlphabet(words: WordList, limit: number | undefined): number[] {
  const counts = new Map<number, number>();
  const codePoints = codePointBuffer(words);
  for (let i = 0; i < words.size; i++) {
    const length = wordCodePoints(words, i, codePoints);
    const weight = words.counts[i] as number;
    for (let at = 0; at < length; at++) {
      const codePoint = codePoints[at] as number;
      counts.set(codePoint, (counts.get(codePoint) ?? 0) + weight);
    }
  }
  const byFrequency = [...counts].sort(([a, countA], [b, countB]) => countB - countA || a - b);
  return byFrequency
    .slice(0, limit ?? byFrequency.length)
    .map(([codePoint]) => codePoint)
    .sort((a, b) => a - b);
}
