import { drop, keep, type Step } from "./step.ts";
import { readWords, type Words } from "./words.ts";

/**
 * Gopher's repetition filters with FineWeb-2's values for Polish: characters in repeated lines, in the most
 * frequent short n-gram, and in repeated longer n-grams, each as a share of all characters in words.
 */
export const repetition: Step = {
  name: "repetition",
  version: 1,
  create: (profile) => (text) => {
    if (duplicateLineShare(text) > profile.maxDuplicateLines) return drop("repeated-lines");
    const words = readWords(text);
    const characters = words.lengths.reduce((sum, length) => sum + length, 0);
    for (const [i, limit] of profile.maxTopNgram.entries()) {
      if (topNgramCharacters(words, i + 2) > limit * characters) return drop(`top-${i + 2}-gram`);
    }
    for (const [i, limit] of profile.maxDuplicateNgrams.entries()) {
      if (duplicateNgramCharacters(words, i + 5) > limit * characters) return drop(`repeated-${i + 5}-grams`);
    }
    return keep(text);
  },
};

/** Share of characters that stand in lines seen before in the same text. */
function duplicateLineShare(text: string): number {
  const seen = new Set<string>();
  let duplicate = 0;
  let total = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    total += line.length;
    if (seen.has(line)) duplicate += line.length;
    seen.add(line);
  }
  return total === 0 ? 0 : duplicate / total;
}

/** Characters covered by the occurrences of the n-gram that covers most; an n-gram seen once covers none. */
function topNgramCharacters(words: Words, n: number): number {
  const table = new NgramTable(words.count);
  let most = 0;
  for (let i = 0; i + n <= words.count; i++) {
    const occurrences = table.add(ngramHash(words, i, n));
    if (occurrences > 1) most = Math.max(most, occurrences * ngramCharacters(words, i, n));
  }
  return most;
}

/** Characters in n-grams that were seen before; overlapping repetitions are counted once. */
function duplicateNgramCharacters(words: Words, n: number): number {
  const table = new NgramTable(words.count);
  let duplicate = 0;
  for (let i = 0; i + n <= words.count; ) {
    if (table.add(ngramHash(words, i, n)) > 1) {
      duplicate += ngramCharacters(words, i, n);
      i += n;
    } else i += 1;
  }
  return duplicate;
}

function ngramHash(words: Words, start: number, n: number): number {
  let hash = 0;
  for (let i = start; i < start + n; i++) {
    hash = Math.imul(hash ^ (words.hashes[i] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function ngramCharacters(words: Words, start: number, n: number): number {
  let characters = 0;
  for (let i = start; i < start + n; i++) characters += words.lengths[i] as number;
  return characters;
}

/** Counts 32-bit hashes by open addressing; a collision of two n-grams in one text is not worth caring for. */
class NgramTable {
  readonly #mask: number;
  readonly #keys: Uint32Array;
  readonly #counts: Uint32Array;

  constructor(entries: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(entries, 1) * 2 + 2));
    this.#mask = size - 1;
    this.#keys = new Uint32Array(size);
    this.#counts = new Uint32Array(size);
  }

  /** Counts one occurrence and returns how many there are now. */
  add(hash: number): number {
    let slot = hash & this.#mask;
    while (this.#counts[slot] !== 0 && this.#keys[slot] !== hash) slot = (slot + 1) & this.#mask;
    this.#keys[slot] = hash;
    const count = (this.#counts[slot] as number) + 1;
    this.#counts[slot] = count;
    return count;
  }
}
