import { countsFor } from "./hash-counts.ts";
import type { Words } from "./words.ts";

const LONGEST_TOP = 4;
const LONGEST_REPEATED = 10;

/**
 * What n-grams of each length cover at most, from the bigrams alone: an n-gram that stood in the text before is
 * made of bigrams that did, and occurs no more often than any of them.
 */
export interface NgramBounds {
  /** At least the characters of the 2- to 4-gram that covers most, by its number of words. */
  readonly top: Float64Array;
  /** At least the characters in repeated 5- to 10-grams, by their number of words. */
  readonly repeated: Float64Array;
}

/** Memory for the bounds of one text, used again for the next. */
export const roomForBounds: NgramBounds = {
  top: new Float64Array(LONGEST_TOP + 1),
  repeated: new Float64Array(LONGEST_REPEATED + 1),
};

/** Valid until the next call. */
export function readNgramBounds(words: Words): NgramBounds {
  const { hashes, count } = words;
  const { top, repeated } = roomForBounds;
  /** Word up to which `repeated` is counted. */
  const counted = new Uint32Array(LONGEST_REPEATED + 1);
  top.fill(0);
  repeated.fill(0);
  const bigrams = countsFor(count);
  const raise = (n: number, start: number, occurrences: number) => {
    top[n] = Math.max(top[n] as number, occurrences * ngramCharacters(words, start, n));
  };
  /** Bigrams up to here that follow each other and were all seen before; how often the last ones were. */
  let run = 0;
  let previous = 0;
  let beforePrevious = 0;
  for (let i = 0; i + 2 <= count; i++) {
    const occurrences = bigrams.add(mix(mix(0, hashes[i] as number), hashes[i + 1] as number));
    if (occurrences < 2) {
      run = 0;
      continue;
    }
    run += 1;
    raise(2, i, occurrences);
    if (run >= 2) raise(3, i - 1, Math.min(occurrences, previous));
    if (run >= 3) raise(4, i - 2, Math.min(occurrences, previous, beforePrevious));
    beforePrevious = previous;
    previous = occurrences;
    for (let n = 5; n <= LONGEST_REPEATED && run >= n - 1; n++) {
      const start = i + 2 - n;
      const from = Math.max(start, counted[n] as number);
      repeated[n] = (repeated[n] as number) + ngramCharacters(words, from, start + n - from);
      counted[n] = start + n;
    }
  }
  return roomForBounds;
}

/** Characters covered by the occurrences of the n-gram that covers most; an n-gram seen once covers none. */
export function topNgramCharacters(words: Words, n: number): number {
  const ngrams = countsFor(words.count);
  let most = 0;
  for (let i = 0; i + n <= words.count; i++) {
    const occurrences = ngrams.add(ngramHash(words, i, n));
    if (occurrences > 1) most = Math.max(most, occurrences * ngramCharacters(words, i, n));
  }
  return most;
}

/** Characters in n-grams that were seen before; overlapping repetitions are counted once. */
export function repeatedNgramCharacters(words: Words, n: number): number {
  const ngrams = countsFor(words.count);
  let duplicate = 0;
  for (let i = 0; i + n <= words.count; ) {
    if (ngrams.add(ngramHash(words, i, n)) > 1) {
      duplicate += ngramCharacters(words, i, n);
      i += n;
    } else i += 1;
  }
  return duplicate;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function ngramHash(words: Words, start: number, n: number): number {
  let hash = 0;
  for (let i = start; i < start + n; i++) hash = mix(hash, words.hashes[i] as number);
  return hash;
}

function ngramCharacters(words: Words, start: number, n: number): number {
  let characters = 0;
  for (let i = start; i < start + n; i++) characters += words.lengths[i] as number;
  return characters;
}
