import type { BpeModel } from "./bpe-model.ts";
import { HOT_FIELDS, HOT_READ_AHEAD, HotWords, LONGEST_HOT } from "./hot-words.ts";
import { type PreTokenization, prependsSpace, SPACE, wordScanner } from "./pre-tokenizer.ts";
import type { WordScanner } from "./split-pattern.ts";
import { ABSENT, OWNER_FIELD, OWNER_PAYLOAD, WordTable } from "./word-table.ts";

/** Token ids; 16 bits each wherever the vocabulary allows it. */
export type TokenIds = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Longer words are encoded afresh each time: they hardly ever come back, and would fill the cache. */
const LONGEST_CACHED = 200;

/**
 * Words the cache holds before it starts anew: 2^20 of them take 64 MB. 50 MB of Polish prose have 680 thousand
 * different words; with half as many the cache was emptied on every pass, and warm speed fell to cold speed.
 */
const CACHED_WORDS = 2 ** 20;

/** Words looked up together: enough to overlap their memory accesses, few enough to stay in the first-level cache. */
const BATCH = 256;

/** In the place of a slot: the word is too long for the small cache. */
const NOT_HOT = -1;

/** Int32 fields of a result: number of ids, then the ids in two Int32 or their place. */
const RESULT = 3;

const utf8 = new TextEncoder();

/**
 * Turns text into ids, word by word, through a cache of the words met before. Nothing in the loop makes a string or
 * an object. One encoder is one thread's: it keeps its buffers between calls.
 */
export class BpeEncoder {
  readonly #model: BpeModel;
  readonly #preTokenization: PreTokenization;
  readonly #scan: WordScanner;
  readonly #wide: boolean;
  readonly #cacheLimit: number;
  /** In each slot: number of ids + 1, then the ids themselves when they fit 8 bytes, else their place in `#stored`. */
  readonly #cache = new WordTable();
  readonly #hot = new HotWords();
  /** Of each word of the batch: number of ids, and its two Int32. */
  readonly #results = new Int32Array(BATCH * RESULT);
  #words = 0;
  /** The words of the batch that are not in the small cache: their places in the batch and their slots there. */
  readonly #misses = {
    missing: new Int32Array(BATCH),
    hotSlot: new Int32Array(BATCH),
    batch: {
      starts: new Int32Array(BATCH),
      ends: new Int32Array(BATCH),
      hashes: new Int32Array(BATCH),
      found: new Int32Array(BATCH),
    },
  };
  #stored: TokenIds;
  #storedUsed = 0;
  /** The text being encoded, from byte 1 on; byte 0 is free for the "▁" put before it. */
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #ids: TokenIds;
  #length = 0;

  /** @param wide ids may exceed 65,535 */
  constructor(model: BpeModel, preTokenization: PreTokenization, wide: boolean, cachedWords = CACHED_WORDS) {
    this.#model = model;
    this.#preTokenization = preTokenization;
    this.#scan = wordScanner(preTokenization);
    this.#wide = wide;
    this.#cacheLimit = cachedWords;
    this.#stored = this.#allocate(1 << 12);
    this.#ids = this.#allocate(1 << 16);
  }

  /** Number of ids since the last `take` or `reset`. */
  get length(): number {
    return this.#length;
  }

  /** The ids so far, as a copy; the encoder starts anew. */
  take(): TokenIds {
    const ids = this.#ids.slice(0, this.#length);
    this.#length = 0;
    return ids;
  }

  /** Drops the ids so far. */
  reset(): void {
    this.#length = 0;
  }

  /** Appends one id. */
  push(id: number): void {
    this.#reserve(1);
    this.#ids[this.#length++] = id;
  }

  /**
   * Encodes a piece of text; special tokens in it are ordinary text. Lone surrogates count as U+FFFD.
   *
   * @param atStart whether the piece begins the whole text, which prepend scheme "first" asks
   */
  pushText(text: string, atStart: boolean): void {
    this.#makeRoom(text.length * 3);
    const { written } = utf8.encodeInto(text, this.#bytes.subarray(1));
    this.#encode(written, atStart);
  }

  /**
   * The same for UTF-8. What is not UTF-8 counts as U+FFFD, as TextDecoder has it, where words are of characters;
   * where they are of bytes it must not occur.
   */
  pushUtf8(text: Uint8Array, atStart: boolean): void {
    this.#makeRoom(text.length);
    this.#bytes.set(text, 1);
    this.#encode(text.length, atStart);
  }

  #encode(length: number, atStart: boolean): void {
    if (length === 0) return;
    const bytes = this.#bytes;
    const narrow = !this.#wide;
    const end = length + 1;
    bytes.fill(0, end, end + HOT_READ_AHEAD);
    bytes[0] = SPACE;
    let start = prependsSpace(this.#preTokenization, bytes, 1, atStart) ? 0 : 1;
    // Every byte makes at most one id, an unknown "▁" excepted, which BPE tokenizers of this engine do not have;
    // four more, because up to four ids are written at once.
    this.#reserve(end - start + 4);
    const ids = this.#ids;
    let count = this.#length;
    while (start < end) {
      start = this.#lookUp(start, end);
      const words = this.#words;
      const results = this.#results;
      for (let i = 0; i < words; i++) {
        const made = results[i * RESULT] as number;
        const first = results[i * RESULT + 1] as number;
        const second = results[i * RESULT + 2] as number;
        if (narrow && made <= 4) {
          ids[count] = first;
          ids[count + 1] = first >>> 16;
          ids[count + 2] = second;
          ids[count + 3] = second >>> 16;
        } else if (!narrow && made <= 2) {
          ids[count] = first;
          ids[count + 1] = second;
        } else {
          const stored = this.#stored;
          for (let k = 0; k < made; k++) ids[count + k] = stored[first + k] as number;
        }
        count += made;
      }
    }
    this.#length = count;
  }

  /**
   * Looks up the next words, at most BATCH: in the small cache first, then those not found there in the large one,
   * all at once. Their ids are left in `#results`.
   *
   * @returns where the next word starts
   */
  #lookUp(from: number, end: number): number {
    if (this.#cache.size + BATCH > this.#cacheLimit || this.#storedUsed > this.#cacheLimit * 16)
      this.#forget();
    const bytes = this.#bytes;
    const view = this.#view;
    const scan = this.#scan;
    const hot = this.#hot;
    const hotSlots = hot.slots;
    const results = this.#results;
    const { missing, hotSlot, batch } = this.#misses;
    let start = from;
    let words = 0;
    let misses = 0;
    for (; start < end && words < BATCH; words++) {
      const wordEnd = scan(bytes, start, end);
      const length = wordEnd - start;
      let slot = NOT_HOT;
      if (length <= LONGEST_HOT) {
        slot = hot.slotOf(view, start, length);
        const state = hotSlots[slot + HOT_FIELDS] as number;
        if (state !== 0) {
          results[words * RESULT] = state - 1;
          results[words * RESULT + 1] = hotSlots[slot + HOT_FIELDS + 1] as number;
          results[words * RESULT + 2] = hotSlots[slot + HOT_FIELDS + 2] as number;
          start = wordEnd;
          continue;
        }
      }
      missing[misses] = words;
      hotSlot[misses] = slot;
      batch.starts[misses] = start;
      batch.ends[misses] = wordEnd;
      misses += 1;
      start = wordEnd;
    }
    this.#words = words;
    if (misses > 0) this.#resolve(misses);
    return start;
  }

  /** Finds the ids of the words that were not in the small cache. */
  #resolve(misses: number): void {
    const { missing, hotSlot, batch } = this.#misses;
    const cache = this.#cache;
    const results = this.#results;
    const hotSlots = this.#hot.slots;
    cache.find(this.#bytes, this.#view, batch, misses);
    for (let i = 0; i < misses; i++) {
      let record = batch.found[i] as number;
      const at = (missing[i] as number) * RESULT;
      if (record === ABSENT) {
        const start = batch.starts[i] as number;
        const end = batch.ends[i] as number;
        if (end - start > LONGEST_CACHED) {
          const made = this.#model.encodeWord(this.#bytes, start, end);
          results[at] = made;
          this.#keepIds(made, results, at + 1);
          continue;
        }
        record = cache.locate(this.#bytes, this.#view, start, end);
        if (cache.slots[record + OWNER_FIELD] === 0) this.#learn(record, start, end);
      }
      const { slots } = cache;
      const state = slots[record + OWNER_FIELD] as number;
      const first = slots[record + OWNER_PAYLOAD] as number;
      const second = slots[record + OWNER_PAYLOAD + 1] as number;
      results[at] = state - 1;
      results[at + 1] = first;
      results[at + 2] = second;
      const slot = hotSlot[i] as number;
      if (slot === NOT_HOT) continue;
      hotSlots[slot + HOT_FIELDS] = state;
      hotSlots[slot + HOT_FIELDS + 1] = first;
      hotSlots[slot + HOT_FIELDS + 2] = second;
    }
  }

  /** Encodes a word met for the first time and keeps its ids in its record. */
  #learn(record: number, start: number, end: number): void {
    const made = this.#model.encodeWord(this.#bytes, start, end);
    const { slots } = this.#cache;
    slots[record + OWNER_FIELD] = made + 1;
    this.#keepIds(made, slots, record + OWNER_PAYLOAD);
  }

  /** Keeps the ids of the word encoded last in two Int32 when they fit, else in `#stored`, and their place there. */
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
      this.#stored = this.#withRoom(this.#stored, this.#storedUsed, made);
      for (let i = 0; i < made; i++) this.#stored[this.#storedUsed + i] = symbols[i] as number;
      this.#storedUsed += made;
    }
  }

  #forget(): void {
    this.#cache.clear();
    this.#hot.clear();
    this.#storedUsed = 0;
  }

  #makeRoom(length: number): void {
    const needed = 1 + length + HOT_READ_AHEAD;
    if (needed <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(needed + (needed >> 1));
    this.#view = new DataView(this.#bytes.buffer);
  }

  #reserve(count: number): void {
    this.#ids = this.#withRoom(this.#ids, this.#length, count);
  }

  #withRoom(ids: TokenIds, used: number, more: number): TokenIds {
    if (used + more <= ids.length) return ids;
    const grown = this.#allocate(Math.max(used + more, ids.length * 2));
    grown.set(ids.subarray(0, used));
    return grown;
  }

  #allocate(length: number): TokenIds {
    return this.#wide ? new Uint32Array(length) : new Uint16Array(length);
  }
}
