import { share } from "../measures/share.ts";
import type { Words } from "../measures/words.ts";
import { atMost, select } from "./criterion.ts";
import { type Criterion, drop, keep, type Step } from "./step.ts";

const LINES: readonly Criterion[] = [
  {
    reason: "repeated-lines",
    threshold: "maxDuplicateLines",
    of: ({ lines }) => share(lines.duplicates, lines.count),
    range: ({ maxDuplicateLines }) => atMost(maxDuplicateLines),
  },
  {
    reason: "repeated-line-characters",
    threshold: "maxDuplicateLineCharacters",
    of: ({ lines }) => share(lines.duplicateCharacters, lines.characters),
    range: ({ maxDuplicateLineCharacters }) => atMost(maxDuplicateLineCharacters),
  },
];
const TOP: readonly Criterion[] = [2, 3, 4].map((n, i) => ({
  reason: `top-${n}-gram`,
  threshold: "maxTopNgram",
  of: ({ words }) => share(topNgramCharacters(words, n, new NgramTable()), words.characters),
  range: ({ maxTopNgram }) => atMost(maxTopNgram[i] as number),
}));
const REPEATED: readonly Criterion[] = [5, 6, 7, 8, 9, 10].map((n, i) => ({
  reason: `repeated-${n}-grams`,
  threshold: "maxDuplicateNgrams",
  of: ({ words }) => share(duplicateNgramCharacters(words, n, new NgramTable()), words.characters),
  range: ({ maxDuplicateNgrams }) => atMost(maxDuplicateNgrams[i] as number),
}));

/**
 * Gopher's repetition filters with FineWeb-2's values for Polish: characters in repeated lines, in the most
 * frequent short n-gram, and in repeated longer n-grams, each as a share of all characters in words.
 */
export const repetition: Step = {
  name: "repetition",
  version: 3,
  criteria: [...LINES, ...TOP, ...REPEATED],
  create(profile) {
    const table = new NgramTable();
    const bounds = new NgramBounds();
    const selectByLines = select(LINES, profile);
    return (text, measures, facts) => {
      const verdict = selectByLines(text, measures, facts);
      if (!verdict.keep) return verdict;
      const { words } = measures;
      // Healthy texts are decided by one pass: bounds on what n-grams of each length could reach.
      bounds.read(words, table);
      for (const [i, limit] of profile.maxTopNgram.entries()) {
        const most = limit * words.characters;
        if (bounds.top(i + 2) > most && topNgramCharacters(words, i + 2, table) > most)
          return drop(`top-${i + 2}-gram`);
      }
      for (const [i, limit] of profile.maxDuplicateNgrams.entries()) {
        const most = limit * words.characters;
        if (bounds.repeated(i + 5) > most && duplicateNgramCharacters(words, i + 5, table) > most)
          return drop(`repeated-${i + 5}-grams`);
      }
      return keep(text);
    };
  },
};

const LONGEST_TOP = 4;
const LONGEST_REPEATED = 10;

/**
 * What n-grams of each length cover at most, from the bigrams alone: an n-gram that stood in the text before is
 * made of bigrams that did, and occurs no more often than any of them.
 */
class NgramBounds {
  readonly #top = new Float64Array(LONGEST_TOP + 1);
  readonly #repeated = new Float64Array(LONGEST_REPEATED + 1);
  /** Word up to which `#repeated` is counted. */
  readonly #counted = new Uint32Array(LONGEST_REPEATED + 1);

  /** At least `topNgramCharacters` of 2- to 4-grams. */
  top(n: number): number {
    return this.#top[n] as number;
  }

  /** At least `duplicateNgramCharacters` of 5- to 10-grams. */
  repeated(n: number): number {
    return this.#repeated[n] as number;
  }

  read(words: Words, table: NgramTable): void {
    const { hashes, count } = words;
    this.#top.fill(0);
    this.#repeated.fill(0);
    this.#counted.fill(0);
    table.clear(count);
    /** Bigrams up to here that follow each other and were all seen before; how often the last ones were. */
    let run = 0;
    let previous = 0;
    let beforePrevious = 0;
    for (let i = 0; i + 2 <= count; i++) {
      const occurrences = table.add(mix(mix(0, hashes[i] as number), hashes[i + 1] as number));
      if (occurrences < 2) {
        run = 0;
        continue;
      }
      run += 1;
      this.#addTop(words, i, 2, occurrences);
      if (run >= 2) this.#addTop(words, i - 1, 3, Math.min(occurrences, previous));
      if (run >= 3) this.#addTop(words, i - 2, 4, Math.min(occurrences, previous, beforePrevious));
      beforePrevious = previous;
      previous = occurrences;
      for (let n = 5; n <= LONGEST_REPEATED && run >= n - 1; n++) this.#addRepeated(words, i + 2 - n, n);
    }
  }

  #addTop(words: Words, start: number, n: number, occurrences: number): void {
    this.#top[n] = Math.max(this.#top[n] as number, occurrences * ngramCharacters(words, start, n));
  }

  #addRepeated(words: Words, start: number, n: number): void {
    let characters = 0;
    for (let word = Math.max(start, this.#counted[n] as number); word < start + n; word++)
      characters += words.lengths[word] as number;
    this.#repeated[n] = (this.#repeated[n] as number) + characters;
    this.#counted[n] = start + n;
  }
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
  /** Pairs of a hash and its count, side by side in memory. */
  #slots = new Int32Array(0);

  /** Makes room for `entries` hashes and forgets the earlier ones. */
  clear(entries: number): void {
    const size = 2 ** Math.ceil(Math.log2(entries * 1.5 + 2)) * 2;
    if (size > this.#slots.length) this.#slots = new Int32Array(size);
    else this.#slots.fill(0, 0, size);
    this.#mask = size - 1;
  }

  /** Counts one occurrence and returns how many there are now. */
  add(hash: number): number {
    const slots = this.#slots;
    let slot = (hash << 1) & this.#mask;
    while (slots[slot + 1] !== 0 && slots[slot] !== hash) slot = (slot + 2) & this.#mask;
    slots[slot] = hash;
    const count = (slots[slot + 1] as number) + 1;
    slots[slot + 1] = count;
    return count;
  }
}
