import type { BpeModel } from "./bpe-model.ts";
import { HOT_FIELDS, HOT_SLOT, HotWords, LONGEST_HOT } from "./hot-words.ts";
import type { WordScanner } from "./split-pattern.ts";
import { allocateIds, type TokenIds, withRoom } from "./token-ids.ts";
import { ABSENT, makeWordBatch, OWNER_FIELD, OWNER_PAYLOAD, WordTable } from "./word-table.ts";

/** Longer words are encoded afresh each time: they hardly ever come back, and would fill the cache. */
const LONGEST_CACHED = 200;

/** Words looked up together: enough to overlap their memory accesses, few enough to stay in the first-level cache. */
const BATCH = 256;

/** In the place of a slot: the word is too long for the small cache. Odd, as the places of words not found are. */
const NOT_HOT = -1;

// Names of this module's own: an imported constant is looked up in its module each time it is used.
const SLOT = HOT_SLOT;
const LONGEST = LONGEST_HOT;
const FIELDS = HOT_FIELDS;
const NOT_FOUND = ABSENT;
const OWNER = OWNER_FIELD;
const PAYLOAD = OWNER_PAYLOAD;

/** Bytes of a text, and a view of the same memory. */
export interface TextBytes {
  bytes: Uint8Array;
  view: DataView;
}

/**
 * The ids of the words met before, and of new ones by the model. Words are looked up many at a time: first in a small
 * cache that stays in the processor's, then all that were not there in the large table.
 */
export class WordCache {
  readonly #model: BpeModel;
  readonly #scan: WordScanner;
  readonly #wide: boolean;
  readonly #limit: number;
  /** In each record: number of ids + 1, then the ids themselves when they fit 8 bytes, else their place in `stored`. */
  readonly #table = new WordTable();
  /** In each slot: number of ids, then the same. The spare slots are those of this batch's words that were not found. */
  readonly #hot = new HotWords(BATCH);
  /** Where each word of the batch starts, and where the last one ends. */
  readonly #starts = new Int32Array(BATCH + 1);
  /** Places in the batch of the words that were not found, and their slots. */
  readonly #missing = new Int32Array(BATCH + 1);
  readonly #homes = new Int32Array(BATCH);
  readonly #batch = makeWordBatch(BATCH);
  #misses = 0;
  #storedUsed = 0;
  /** Number of words looked up last. */
  words = 0;
  /** Of each of these words: where in `slots` its number of ids is, followed by what `fits` says. */
  readonly places = new Int32Array(BATCH);
  readonly slots: Int32Array = this.#hot.slots;
  /** Ids that do not fit a slot. */
  stored: TokenIds;

  /** @param limit words the cache holds before it starts anew */
  constructor(model: BpeModel, scan: WordScanner, wide: boolean, limit: number) {
    this.#model = model;
    this.#scan = scan;
    this.#wide = wide;
    this.#limit = limit;
    this.stored = allocateIds(1 << 12, wide);
  }

  /**
   * Looks up the next words of a text, at most BATCH; what is found stands until the next call.
   *
   * @returns where the next word starts
   */
  lookUp({ bytes, view }: TextBytes, from: number, end: number): number {
    this.#keepMissed();
    if (this.#table.size + BATCH > this.#limit || this.#storedUsed > this.#limit * 16) this.#forget();
    const scan = this.#scan;
    const hot = this.#hot;
    const places = this.places;
    const starts = this.#starts;
    const missing = this.#missing;
    let start = from;
    let words = 0;
    let misses = 0;
    for (; start < end && words < BATCH; words++) {
      const wordEnd = scan(bytes, start, end);
      const length = wordEnd - start;
      const place = length <= LONGEST ? hot.find(view, start, length) : NOT_HOT;
      starts[words] = start;
      places[words] = place;
      missing[misses] = words;
      misses += place & 1;
      start = wordEnd;
    }
    starts[words] = start;
    this.words = words;
    this.#misses = misses;
    if (misses > 0) this.#resolve(bytes, view);
    return start;
  }

  /** Finds the ids of the words that were not in the small cache and leaves them in spare slots. */
  #resolve(bytes: Uint8Array, view: DataView): void {
    const misses = this.#misses;
    const missing = this.#missing;
    const { starts, ends, found } = this.#batch;
    for (let i = 0; i < misses; i++) {
      const word = missing[i] as number;
      starts[i] = this.#starts[word] as number;
      ends[i] = this.#starts[word + 1] as number;
    }
    this.#table.find(bytes, view, this.#batch, misses);
    const hot = this.#hot;
    const slots = hot.slots;
    for (let i = 0; i < misses; i++) {
      const word = missing[i] as number;
      const start = starts[i] as number;
      const end = ends[i] as number;
      const place = this.places[word] as number;
      const spare = hot.spare + i * SLOT;
      this.#homes[i] = place;
      this.places[word] = spare;
      let record = found[i] as number;
      if (record === NOT_FOUND) {
        if (end - start > LONGEST_CACHED) {
          slots[spare + FIELDS] = this.#model.encodeWord(bytes, start, end);
          this.#keepIds(slots[spare + FIELDS] as number, slots, spare + FIELDS + 1);
          continue;
        }
        record = this.#table.locate(bytes, view, start, end);
        if (this.#table.slots[record + OWNER] === 0) this.#learn(record, bytes, start, end);
      }
      const records = this.#table.slots;
      if (place !== NOT_HOT) hot.setKey(spare, view, start, end - start);
      slots[spare + FIELDS] = (records[record + OWNER] as number) - 1;
      slots[spare + FIELDS + 1] = records[record + PAYLOAD] as number;
      slots[spare + FIELDS + 2] = records[record + PAYLOAD + 1] as number;
    }
  }

  /** Moves the words that were missed last into the small cache. Not before: the words found there are still in use. */
  #keepMissed(): void {
    for (let i = 0; i < this.#misses; i++) {
      const place = this.#homes[i] as number;
      if (place !== NOT_HOT) this.#hot.copy(this.#hot.spare + i * SLOT, place - 1);
    }
    this.#misses = 0;
  }

  /** Encodes a word met for the first time and keeps its ids in its record. */
  #learn(record: number, bytes: Uint8Array, start: number, end: number): void {
    const made = this.#model.encodeWord(bytes, start, end);
    const { slots } = this.#table;
    slots[record + OWNER] = made + 1;
    this.#keepIds(made, slots, record + PAYLOAD);
  }

  /** Keeps the ids of the word encoded last in two Int32 when they fit, else in `stored`, and their place there. */
  #keepIds(made: number, target: Int32Array, at: number): void {
    const { symbols } = this.#model;
    const symbol = (i: number) => (i < made ? (symbols[i] as number) : 0);
    if (!this.#wide && made <= 4) {
      target[at] = symbol(0) | (symbol(1) << 16);
      target[at + 1] = symbol(2) | (symbol(3) << 16);
    } else if (this.#wide && made <= 2) {
      target[at] = symbol(0);
      target[at + 1] = symbol(1);
    } else {
      target[at] = this.#storedUsed;
      this.stored = withRoom(this.stored, this.#storedUsed, made, this.#wide);
      for (let i = 0; i < made; i++) this.stored[this.#storedUsed + i] = symbols[i] as number;
      this.#storedUsed += made;
    }
  }

  #forget(): void {
    this.#table.clear();
    this.#hot.clear();
    this.#storedUsed = 0;
  }
}
