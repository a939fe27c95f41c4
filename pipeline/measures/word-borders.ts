import { zstdDecompressSync } from "node:zlib";
import { WORD_TABLES } from "./word-border-tables.ts";

/*
 * Where words end in a run of letters whose spaces were lost: `irzekł` is „i rzekł”. A sum of logits decides. Each gap
 * between two letters has one, from the letters around it (a logistic regression on hashed features); each word has a
 * bonus by how usual it is and how long. The best split of all is found by dynamic programming.
 *
 * Written by `npm run bench -- calibrate-borders` from open texts, which tells how often it is right.
 */

const GAP_BITS = 16;
const WORD_BITS = 17;
/** Weights of the gaps' features are stored as whole numbers, this many to 1. */
const SCALE = 16;
/** Words' bonuses are stored as hundredths in two bytes. */
const BONUS_SCALE = 100;
const BONUS_BYTES = 2;

/** How usual a word is: 0 for unknown, and 1 to 7 as the logarithm of its count. */
const COMMONNESS = 8;
const COMMONNESS_BITS = 3;
/** Longer words have the bonus of this length. */
const MAX_LENGTH = 15;
/** No word is longer. */
const MAX_WORD = 24;
const SMALL_WORDS = "aiouwz";

const LETTERS = "aąbcćdeęfghijklłmnńoóprsśtuwyzźżqvx";
/** Where the run begins and ends; letters of other alphabets are one more. */
const OUTSIDE = 0;
const FOREIGN = LETTERS.length + 1;
const CODES: ReadonlyMap<string, number> = new Map([...LETTERS].map((letter, i) => [letter, i + 1]));
const BASE = FOREIGN + 1;

/** Letters looked at on either side of a gap. */
const REACH = 5;
/** Letters left and right of the gap that make a feature together. */
const BOTH_SIDES = [
  [1, 1],
  [2, 1],
  [1, 2],
  [2, 2],
  [3, 1],
  [1, 3],
  [3, 2],
  [2, 3],
  [4, 1],
  [1, 4],
] as const;
export const GAP_FEATURES = 2 * REACH + BOTH_SIDES.length;

export interface BorderModel {
  /** Weight of each hashed feature, times `SCALE`; the last is the bias. */
  readonly gaps: Int8Array;
  /** A hash table: check bits and commonness of a word whose hash ends in the slot's number, or its neighbour's. */
  readonly words: Uint8Array;
  /** Logits for a word, `COMMONNESS` rows of `MAX_LENGTH + 1`. */
  readonly bonuses: Float64Array;
}

/** A model that knows nothing, to be trained. */
export const emptyModel = (): BorderModel => ({
  gaps: new Int8Array((1 << GAP_BITS) + 1),
  words: new Uint8Array(1 << WORD_BITS),
  bonuses: new Float64Array(COMMONNESS * (MAX_LENGTH + 1)),
});

let loaded: BorderModel | undefined;

function knownModel(): BorderModel {
  loaded ??= loadModel();
  return loaded;
}

function loadModel(): BorderModel {
  const bytes = zstdDecompressSync(Buffer.from(WORD_TABLES, "base64"));
  const model = emptyModel();
  const words = model.gaps.length + model.bonuses.length * BONUS_BYTES;
  model.gaps.set(new Int8Array(bytes.subarray(0, model.gaps.length)));
  for (const i of model.bonuses.keys())
    model.bonuses[i] = bytes.readInt16LE(model.gaps.length + i * BONUS_BYTES) / BONUS_SCALE;
  model.words.set(bytes.subarray(words));
  return model;
}

/** What `loadModel` reads, before compression. */
export function storedTables({ gaps, bonuses, words }: BorderModel): Uint8Array {
  const stored = Buffer.alloc(bonuses.length * BONUS_BYTES);
  for (const [i, bonus] of bonuses.entries())
    stored.writeInt16LE(Math.round(bonus * BONUS_SCALE), i * BONUS_BYTES);
  return Buffer.concat([Buffer.from(gaps.buffer), stored, words]);
}

/** A bonus as it is read again. */
export const storedBonus = (bonus: number) => Math.round(bonus * BONUS_SCALE) / BONUS_SCALE;

/** Numbers of the letters, for `gapFeatures`. */
export const codesOfLetters = (letters: string) =>
  Uint8Array.from(
    { length: letters.length },
    (_, i) => CODES.get(letters.charAt(i).toLowerCase()) ?? FOREIGN,
  );

const left = new Int32Array(REACH + 1);
const right = new Int32Array(REACH + 1);

/** Puts the features of the gap before letter `at` into `found`, each as the place of its weight. */
export function gapFeatures(codes: Uint8Array, at: number, found: Int32Array): void {
  for (let n = 1; n <= REACH; n++) {
    // beyond the run's end nothing is added: what is shorter than the reach ends in `OUTSIDE`
    const before = left[n - 1] as number;
    const behind = right[n - 1] as number;
    left[n] = at - n < -1 ? before : Math.imul(before, BASE) + (codes[at - n] ?? OUTSIDE) + 1;
    right[n] =
      at + n - 1 > codes.length ? behind : Math.imul(behind, BASE) + (codes[at + n - 1] ?? OUTSIDE) + 1;
  }
  let count = 0;
  for (let n = 1; n <= REACH; n++) {
    found[count++] = placeOf(n, left[n] as number, 0);
    found[count++] = placeOf(REACH + n, 0, right[n] as number);
  }
  for (const [i, [before, behind]] of BOTH_SIDES.entries())
    found[count++] = placeOf(2 * REACH + 1 + i, left[before] as number, right[behind] as number);
}

/** Mixes a feature's kind and letters into a place below 2^GAP_BITS; the multipliers are large odd numbers. */
function placeOf(kind: number, before: number, behind: number): number {
  let hash = Math.imul(before ^ Math.imul(kind, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ Math.imul(behind, 0xc2b2ae35), 0x27d4eb2f);
  return ((hash ^ (hash >>> 13)) >>> 0) & ((1 << GAP_BITS) - 1);
}

/** Hash of the letters from `start` to before `end`, read backwards. */
function hashOfWord(codes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = end - 1; i >= start; i--) hash = nextHash(hash, codes[i] as number);
  return hash;
}
const nextHash = (hash: number, code: number) => Math.imul(hash ^ code, 0x01000193);

const slotOf = (hash: number) => ((hash ^ (hash >>> 15)) >>> 0) & ((1 << WORD_BITS) - 1);
const checkOf = (hash: number) => ((hash >>> 20) ^ (hash >>> 27)) & ((1 << (8 - COMMONNESS_BITS)) - 1);

/** How usual a word is that was counted so often: the classes are about three times as common as the one before. */
export const commonnessOf = (count: number) =>
  Math.min(COMMONNESS - 1, 1 + Math.floor(Math.log2(count) / 1.5));

/** The check bits and commonness of a word, 0 where it is unknown. */
function entryOf(model: BorderModel, hash: number): number {
  const check = checkOf(hash);
  const [first, second] = [model.words[slotOf(hash)] as number, model.words[slotOf(hash) ^ 1] as number];
  if (first >> COMMONNESS_BITS === check) return first;
  return second >> COMMONNESS_BITS === check ? second : 0;
}

/** Enters a word where there is room: usual words must be entered first. */
export function addWord(model: BorderModel, word: string, commonness: number): void {
  const codes = codesOfLetters(word);
  const hash = hashOfWord(codes, 0, codes.length);
  const slot = model.words[slotOf(hash)] === 0 ? slotOf(hash) : slotOf(hash) ^ 1;
  model.words[slot] ||= (checkOf(hash) << COMMONNESS_BITS) | commonness;
}

/** Place of a word's bonus. */
function bonusAt(model: BorderModel, hash: number, length: number): number {
  const commonness = length > 1 ? entryOf(model, hash) & (COMMONNESS - 1) : 0;
  return commonness * (MAX_LENGTH + 1) + Math.min(length, MAX_LENGTH);
}

/** The same for a word by its letters. */
export function bonusPlace(model: BorderModel, word: string): number {
  const codes = codesOfLetters(word);
  return bonusAt(model, hashOfWord(codes, 0, codes.length), codes.length);
}

/** Whether a word was seen at least twice; one in twenty others is taken for such a word. */
export const isKnownWord = (word: string) => bonusPlace(knownModel(), word) > MAX_LENGTH;

const features = new Int32Array(GAP_FEATURES);

/**
 * Splits letters into words.
 *
 * @param letters nothing but letters of one UTF-16 unit; capitals count as small ones
 * @param mustSplit whether a word must begin at this letter
 */
export function splitWords(
  letters: string,
  mustSplit: (at: number) => boolean = () => false,
  model: BorderModel = knownModel(),
): string[] {
  const codes = codesOfLetters(letters);
  const best = new Float64Array(codes.length + 1).fill(Number.NEGATIVE_INFINITY);
  const from = new Int32Array(codes.length + 1);
  best[0] = 0;
  const logits = Float64Array.from(codes, (_, at) => (at === 0 ? 0 : logitOf(codes, at, model)));
  for (let end = 1; end <= codes.length; end++) {
    let hash = 0x811c9dc5;
    for (let start = end - 1; start >= Math.max(0, end - MAX_WORD); start--) {
      const code = codes[start] as number;
      hash = nextHash(hash, code);
      const isOne = end - start === 1;
      const isWord = !isOne || SMALL_WORDS.includes(LETTERS.charAt(code - 1)) || mustSplit(start);
      const total =
        (best[start] as number) +
        (logits[start] as number) +
        (model.bonuses[bonusAt(model, hash, end - start)] as number);
      if (isWord && total > (best[end] as number)) {
        best[end] = total;
        from[end] = start;
      }
      if (mustSplit(start)) break;
    }
  }
  const words: string[] = [];
  for (let end = codes.length; end > 0; end = from[end] as number)
    words.unshift(letters.slice(from[end], end));
  return words;
}

/** How much speaks for a border before letter `at`, as the logarithm of the odds. */
function logitOf(codes: Uint8Array, at: number, model: BorderModel): number {
  gapFeatures(codes, at, features);
  let sum = model.gaps[model.gaps.length - 1] as number;
  for (const place of features) sum += model.gaps[place] as number;
  return sum / SCALE;
}

/** The weight as it is stored. */
export const storedWeight = (weight: number) => Math.max(-127, Math.min(127, Math.round(weight * SCALE)));
