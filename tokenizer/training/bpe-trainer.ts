import { BYTE_ALPHABET, countAlphabet, readByteLetters, readCharacters } from "./alphabet.ts";
import { PairMerging } from "./pair-merging.ts";
import { toSymbolWords } from "./symbol-words.ts";
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
  const vocabularySize = Math.max(options.vocabSize, tokens.length);
  const symbolWords = toSymbolWords(
    words,
    characterIds,
    vocabularySize,
    options.byteLevel ? readByteLetters : readCharacters,
  );
  const training = new PairMerging(symbolWords, vocabularySize, options.maxTokenLength);

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
