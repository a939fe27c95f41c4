import type { Words } from "../measures/words.ts";
import { drop, keep, type Step } from "./step.ts";

/**
 * Gopher's repetition filters with FineWeb-2's values for Polish: characters in repeated lines, in the most
 * frequent short n-gram, and in repeated longer n-grams, each as a share of all characters in words.
 */
export const repetition: Step = {
  name: "repetition",
  version: 2,
  create(profile) {
    const table = new NgramTable();
    const smallestTop = Math.min(...profile.maxTopNgram);
    const smallestDuplicate = Math.min(...profile.maxDuplicateNgrams);
    return (text, { words, lines }) => {
      if (lines.duplicateShare > profile.maxDuplicateLines) return drop("repeated-lines");
      // Healthy texts are decided by two passes: bounds on what any longer n-gram could reach.
      if (boundTopNgrams(words, table) > smallestTop * words.characters) {
        for (const [i, limit] of profile.maxTopNgram.entries()) {
          if (topNgramCharacters(words, i + 2, table) > limit * words.characters)
            return drop(`top-${i + 2}-gram`);
        }
      }
      if (repeatedFivegramCover(words, table) > smallestDuplicate * words.characters) {
        for (const [i, limit] of profile.maxDuplicateNgrams.entries()) {
          if (duplicateNgramCharacters(words, i + 5, table) > limit * words.characters)
            return drop(`repeated-${i + 5}-grams`);
        }
      }
      return keep(text);
    };
  },
};

/**
 * At least the characters that the most frequent 2-, 3- or 4-gram covers: none of them occurs more often
 * than the bigram it begins with.
 */
function boundTopNgrams(words: Words, table: NgramTable): number {
  const { hashes, lengths, count } = words;
  table.clear(count);
  let most = 0;
  for (let i = 0; i + 2 <= count; i++) {
    const occurrences = table.add(mix(mix(0, hashes[i] as number), hashes[i + 1] as number));
    if (occurrences < 2) continue;
    const characters =
      (lengths[i] as number) + (lengths[i + 1] as number) + (lengths[i + 2] ?? 0) + (lengths[i + 3] ?? 0);
    // the longest of its 4-grams may have been an earlier one, so words count as at least ordinary ones
    most = Math.max(most, occurrences * Math.max(characters, LONG_FOURGRAM));
  }
  return most;
}

/** Four words of Polish have 24 characters on average; only a spam text's differ much. */
const LONG_FOURGRAM = 60;

/** Characters in 5-grams that stood in the text before: an upper bound for all longer n-grams too. */
function repeatedFivegramCover(words: Words, table: NgramTable): number {
  const { lengths, count } = words;
  table.clear(count);
  let covered = 0;
  let next = 0;
  for (let i = 0; i + 5 <= count; i++) {
    if (table.add(ngramHash(words, i, 5)) < 2) continue;
    for (let word = Math.max(next, i); word < i + 5; word++) covered += lengths[word] as number;
    next = i + 5;
  }
  return covered;
}

/** Characters covered by the occurrences of the n-gram that covers most; an n-gram seen once covers none. */
function topNgramCharacters(words: Words, n: number, table: NgramTable): number {
  table.clear(words.count);
  let most = 0;
  for (let i = 0; i + n <= words.count; i++) {
    const occurrences = table.add(ngramHash(words, i, n));
    if (occurrences > 1) most = Math.max(most, occurrences * ngramCharacters(words, i, n));
  }
  return most;
}

/** Characters in n-grams that were seen before; overlapping repetitions are counted once. */
function duplicateNgramCharacters(words: Words, n: number, table: NgramTable): number {
  table.clear(words.count);
  let duplicate = 0;
  for (let i = 0; i + n <= words.count; ) {
    if (table.add(ngramHash(words, i, n)) > 1) {
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

/** Counts 32-bit hashes by open addressing; a collision of two n-grams in one text is not worth caring for.
 * One table serves all texts of a worker: making new ones cost a third of the step's time. */
class NgramTable {
  #mask = 0;
  #keys = new Int32Array(0);
  #counts = new Uint32Array(0);

  /** Makes room for `entries` hashes and forgets the earlier ones. */
  clear(entries: number): void {
    const size = 2 ** Math.ceil(Math.log2(entries * 1.5 + 2));
    if (size > this.#keys.length) {
      this.#keys = new Int32Array(size);
      this.#counts = new Uint32Array(size);
    } else this.#counts.fill(0, 0, size);
    this.#mask = size - 1;
  }

  /** Counts one occurrence and returns how many there are now. */
  add(hash: number): number {
    const keys = this.#keys;
    const counts = this.#counts;
    let slot = hash & this.#mask;
    while (counts[slot] !== 0 && keys[slot] !== hash) slot = (slot + 1) & this.#mask;
    keys[slot] = hash;
    const count = (counts[slot] as number) + 1;
    counts[slot] = count;
    return count;
  }
}
