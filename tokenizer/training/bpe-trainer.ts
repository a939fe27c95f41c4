import { BYTE_ALPHABET, countAlphabet, readByteLetters, readCharacters } from "./alphabet.ts";
import { MergeQueue } from "./merge-queue.ts";
import { PairCounts } from "./pair-counts.ts";
import { type SymbolWords, toSymbolWords } from "./symbol-words.ts";
import type { WordList } from "./word-list.ts";

export interface BpeTrainingOptions {
  /** Size of the vocabulary to reach: special tokens, alphabet and merged tokens together. */
  readonly vocabSize: number;
  /** They take the first ids, in this order. */
  readonly specialTokens: readonly string[];
  /** Keep at most so many characters, the most frequent ones; all when left out. */
  readonly limitAlphabet?: number | undefined;
  /** Stop when the best pair occurs less often; 0 when left out. */
  readonly minFrequency?: number | undefined;
  /** Queue only pairs shorter than this many characters together; no limit when left out. */
  readonly maxTokenLength?: number | undefined;
  /** Characters are the 256 bytes, and all of them are in the alphabet. */
  readonly byteLevel?: boolean | undefined;
}

/** A byte-pair vocabulary. */
export interface BpeVocabulary {
  /** Token of each id. */
  readonly tokens: readonly string[];
  /** Pairs of tokens in the order they are merged in. */
  readonly merges: readonly (readonly [string, string])[];
}

/**
 * Trains byte-pair encoding exactly as the reference does (Hugging Face `tokenizers`, BpeTrainer), with one
 * deliberate difference: pair counts are doubles, exact to 2^53, where the reference wraps around at 2^31.
 *
 * What "exactly" includes: a pair is merged in the words it was seen in when it was queued; the count of a merged
 * pair is left as it was; a pair that spells a token already there reuses its id and is recorded all the same; a
 * pair recorded twice keeps its later place.
 *
 * @yields the size of the vocabulary after each merge, for progress and for stopping
 */
export function* trainBpe(
  words: WordList,
  options: BpeTrainingOptions,
): Generator<number, BpeVocabulary, undefined> {
  const tokens: string[] = [];
  const ids = new Map<string, number>();
  const addToken = (token: string): number => {
    const known = ids.get(token);
    if (known !== undefined) return known;
    ids.set(token, tokens.length);
    return tokens.push(token) - 1;
  };

  // 1. Special tokens, then the alphabet by code point.
  const characterIds = new Map<number, number>();
  for (const token of options.specialTokens) {
    const id = addToken(token);
    const [character, ...others] = token; // of one character, it stands for it in words, in the alphabet or not
    if (character !== undefined && others.length === 0)
      characterIds.set(character.codePointAt(0) as number, id);
  }
  const alphabet = options.byteLevel ? BYTE_ALPHABET : countAlphabet(words, options.limitAlphabet);
  for (const codePoint of alphabet) {
    characterIds.set(codePoint, addToken(String.fromCodePoint(codePoint)));
  }

  // 2. Words as symbols, pairs with their counts and places.
  const symbolWords = toSymbolWords(
    words,
    characterIds,
    Math.max(options.vocabSize, tokens.length),
    options.byteLevel ? readByteLetters : readCharacters,
  );
  const training = new PairMerging(symbolWords, options.maxTokenLength ?? Number.POSITIVE_INFINITY);

  // 3. Merge the most frequent pair, again and again.
  const merges: [number, number][] = [];
  const lengths = tokens.map(() => 1); // characters of each token; only the alphabet's are ever asked for
  while (tokens.length < options.vocabSize) {
    const best = training.nextPair();
    if (best === undefined || best.count < 1 || best.count < (options.minFrequency ?? 0)) break;
    const { left, right } = best;
    const merged = addToken((tokens[left] as string) + (tokens[right] as string));
    lengths[merged] = (lengths[left] as number) + (lengths[right] as number);
    merges.push([left, right]);
    training.merge(best, merged, lengths);
    yield tokens.length;
  }
  return {
    tokens,
    merges: lastOfEach(merges).map(([left, right]) => [tokens[left] as string, tokens[right] as string]),
  };
}

/** Of pairs that occur twice only the later one counts. */
function lastOfEach(merges: readonly [number, number][]): [number, number][] {
  const last = new Map<number, number>();
  const key = (left: number, right: number) => left * 2 ** 26 + right;
  for (const [at, [left, right]] of merges.entries()) last.set(key(left, right), at);
  return merges.filter(([left, right], at) => last.get(key(left, right)) === at);
}

/** A pair about to be merged. */
interface Candidate {
  readonly left: number;
  readonly right: number;
  readonly count: number;
  /** Its words: `places[start, start + length)`. */
  readonly start: number;
  readonly length: number;
}

/** The state of training: words as symbols, pair counts, and where each waiting pair occurs. */
class PairMerging {
  readonly #words: SymbolWords;
  readonly #maxTokenLength: number;
  readonly #pairs = new PairCounts();
  readonly #queue = new MergeQueue(this.#pairs);
  /** Word indices, one list after another: each candidate of the queue owns one. */
  #places = new Int32Array(1 << 16);
  #placesUsed = 0;
  /** What one merge made: (pair, word), before it is sorted into lists. */
  #newPairs = new Int32Array(1 << 12);
  #newWords = new Int32Array(1 << 12);
  #newCount = 0;
  /** Scratch for each pair: how many new words it has, then where the next one goes. */
  #tally = new Int32Array(1 << 12);

  constructor(words: SymbolWords, maxTokenLength: number) {
    this.#words = words;
    this.#maxTokenLength = maxTokenLength;
    this.#queueFirstPairs();
  }

  /** Counts the pairs of all words and queues them: twice over the words, which takes half the memory of once. */
  #queueFirstPairs(): void {
    const { size, symbols, starts, lengths, counts } = this.#words;
    const pairs = this.#pairs;
    let places = 0;
    const tally = new GrowingTally();
    for (let word = 0; word < size; word++) {
      const start = starts[word] as number;
      const end = start + (lengths[word] as number);
      for (let at = start + 1; at < end; at++, places++) {
        tally.increase(pairs.add(symbols[at - 1] as number, symbols[at] as number, counts[word] as number));
      }
    }
    this.#places = new Int32Array(Math.max(places, 16));
    const next = tally.toStarts(pairs.size);
    const firsts = next.slice();
    for (let word = 0; word < size; word++) {
      const start = starts[word] as number;
      const end = start + (lengths[word] as number);
      for (let at = start + 1; at < end; at++) {
        const pair = pairs.add(symbols[at - 1] as number, symbols[at] as number, 0);
        this.#places[next[pair] as number] = word;
        next[pair] = (next[pair] as number) + 1;
      }
    }
    this.#placesUsed = places;
    for (let pair = 0; pair < pairs.size; pair++) {
      const first = firsts[pair] as number;
      this.#queue.push(pair, pairs.count[pair] as number, first, (next[pair] as number) - first);
    }
  }

  /** The best pair to merge next. */
  nextPair(): Candidate | undefined {
    const best = this.#queue.pop();
    if (best === undefined) return undefined;
    const { pair, count, start, length } = best;
    return {
      left: this.#pairs.left[pair] as number,
      right: this.#pairs.right[pair] as number,
      count,
      start,
      length,
    };
  }

  /** Replaces `left right` by `merged` in the candidate's words and queues the pairs this makes. */
  merge(candidate: Candidate, merged: number, lengths: readonly number[]): void {
    for (let i = candidate.start; i < candidate.start + candidate.length; i++) {
      this.#mergeIn(this.#places[i] as number, candidate.left, candidate.right, merged, lengths);
    }
    this.#queueNewPairs();
  }

  #mergeIn(word: number, left: number, right: number, merged: number, lengths: readonly number[]): void {
    const { symbols, starts, lengths: wordLengths } = this.#words;
    const pairs = this.#pairs;
    const weight = this.#words.counts[word] as number;
    const start = starts[word] as number;
    const end = start + (wordLengths[word] as number);
    const mergedLength = lengths[merged] as number;
    let write = start;
    for (let read = start; read < end; read++, write++) {
      const symbol = symbols[read] as number;
      if (symbol !== left || read + 1 >= end || symbols[read + 1] !== right) {
        symbols[write] = symbol;
        continue;
      }
      if (write > start) {
        const before = symbols[write - 1] as number;
        pairs.add(before, left, -weight);
        if ((lengths[before] as number) + mergedLength < this.#maxTokenLength) {
          this.#note(pairs.add(before, merged, weight), word);
        }
      }
      if (read + 2 < end) {
        const after = symbols[read + 2] as number;
        pairs.add(right, after, -weight);
        if ((lengths[after] as number) + mergedLength < this.#maxTokenLength) {
          this.#note(pairs.add(merged, after, weight), word);
        }
      }
      symbols[write] = merged;
      read += 1;
    }
    wordLengths[word] = write - start;
  }

  /** Remembers that `pair` now occurs in `word`. */
  #note(pair: number, word: number): void {
    if (this.#newCount === this.#newPairs.length) {
      this.#newPairs = doubled(this.#newPairs);
      this.#newWords = doubled(this.#newWords);
    }
    this.#newPairs[this.#newCount] = pair;
    this.#newWords[this.#newCount] = word;
    this.#newCount += 1;
  }

  /** Queues every pair noted since the last call, each with the list of its words. */
  #queueNewPairs(): void {
    while (this.#tally.length < this.#pairs.size) this.#tally = doubled(this.#tally);
    while (this.#places.length < this.#placesUsed + this.#newCount) this.#places = doubled(this.#places);
    const tally = this.#tally;
    const places = this.#places;
    const touched: number[] = [];
    for (let i = 0; i < this.#newCount; i++) {
      const pair = this.#newPairs[i] as number;
      if (tally[pair] === 0) touched.push(pair);
      tally[pair] = (tally[pair] as number) + 1;
    }
    const firsts: number[] = [];
    for (const pair of touched) {
      const room = tally[pair] as number;
      firsts.push(this.#placesUsed);
      tally[pair] = this.#placesUsed;
      this.#placesUsed += room;
    }
    for (let i = 0; i < this.#newCount; i++) {
      const pair = this.#newPairs[i] as number;
      const word = this.#newWords[i] as number;
      const at = tally[pair] as number;
      places[at] = word;
      tally[pair] = at + 1;
    }
    touched.forEach((pair, i) => {
      const first = firsts[i] as number;
      const count = this.#pairs.count[pair] as number;
      if (count > 0) this.#queue.push(pair, count, first, (tally[pair] as number) - first);
      tally[pair] = 0;
    });
    this.#newCount = 0;
  }
}

/** How often each pair occurs in the list of words, before the lists of their places are laid out. */
class GrowingTally {
  #counts = new Int32Array(1 << 12);

  increase(pair: number): void {
    if (pair >= this.#counts.length) this.#counts = doubled(this.#counts);
    this.#counts[pair] = (this.#counts[pair] as number) + 1;
  }

  /** Where each pair's list starts when the lists lie one after another. */
  toStarts(pairs: number): Float64Array {
    const starts = new Float64Array(pairs);
    for (let pair = 1; pair < pairs; pair++) {
      starts[pair] = (starts[pair - 1] as number) + (this.#counts[pair - 1] as number);
    }
    return starts;
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2);
  grown.set(array);
  return grown;
}
