import type { BpeModel } from "./bpe-model.ts";
import { findWordEnd, type PreTokenization, SPACE, startsWithSpace } from "./pre-tokenizer.ts";
import { OWNER_FIELD, OWNER_PAYLOAD, READ_AHEAD, WordTable } from "./word-table.ts";

/** Token ids; 16 bits each wherever the vocabulary allows it. */
export type TokenIds = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Longer words are encoded afresh each time: they hardly ever come back, and would fill the cache. */
const LONGEST_CACHED = 200;

/**
 * Words the cache holds before it starts anew: 2^20 of them take 64 MB. 50 MB of Polish prose have 680 thousand
 * different words; with half as many the cache was emptied on every pass, and warm speed fell to cold speed.
 */
const CACHED_WORDS = 2 ** 20;

const utf8 = new TextEncoder();

/**
 * Turns text into ids, word by word, through a cache of the words met before. Nothing in the loop makes a string or
 * an object. One encoder is one thread's: it keeps its buffers between calls.
 */
export class BpeEncoder {
  readonly #model: BpeModel;
  readonly #preTokenization: PreTokenization;
  readonly #wide: boolean;
  readonly #cacheLimit: number;
  /** In each slot: number of ids + 1, then the ids themselves when they fit 8 bytes, else their place in `#stored`. */
  readonly #cache = new WordTable();
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

  /** The same for UTF-8; what is not UTF-8 counts as U+FFFD, as TextDecoder has it. */
  pushUtf8(text: Uint8Array, atStart: boolean): void {
    this.#makeRoom(text.length);
    this.#bytes.set(text, 1);
    this.#encode(text.length, atStart);
  }

  #encode(length: number, atStart: boolean): void {
    if (length === 0) return;
    const bytes = this.#bytes;
    const view = this.#view;
    const cache = this.#cache;
    const narrow = !this.#wide;
    const isolateNewlines = this.#preTokenization.newlines === "isolated";
    const end = length + 1;
    bytes.fill(0, end, end + READ_AHEAD);
    bytes[0] = SPACE;
    let start = this.#prepends(atStart) ? 0 : 1;
    // Every byte makes at most one id, an unknown "▁" excepted, which BPE tokenizers of this engine do not have;
    // four more, because up to four ids are written at once.
    this.#reserve(end - start + 4);
    const ids = this.#ids;
    let count = this.#length;
    while (start < end) {
      const wordEnd = findWordEnd(bytes, start, end, isolateNewlines);
      if (wordEnd - start > LONGEST_CACHED) {
        const made = this.#model.encodeWord(bytes, start, wordEnd);
        ids.set(this.#model.symbols.subarray(0, made), count);
        count += made;
        start = wordEnd;
        continue;
      }
      let slot = cache.locate(bytes, view, start, wordEnd);
      if (cache.slots[slot + OWNER_FIELD] === 0) {
        if (cache.size > this.#cacheLimit) {
          this.#forget();
          slot = cache.locate(bytes, view, start, wordEnd);
        }
        this.#learn(slot, start, wordEnd);
      }
      const slots = cache.slots;
      const made = (slots[slot + OWNER_FIELD] as number) - 1;
      const first = slots[slot + OWNER_PAYLOAD] as number;
      const second = slots[slot + OWNER_PAYLOAD + 1] as number;
      if (narrow && made <= 4) {
        ids[count] = first & 0xffff;
        ids[count + 1] = first >>> 16;
        ids[count + 2] = second & 0xffff;
        ids[count + 3] = second >>> 16;
      } else if (made <= 2) {
        ids[count] = first;
        ids[count + 1] = second;
      } else {
        for (let i = 0; i < made; i++) ids[count + i] = this.#stored[first + i] as number;
      }
      count += made;
      start = wordEnd;
    }
    this.#length = count;
  }

  #prepends(atStart: boolean): boolean {
    const { prepend } = this.#preTokenization;
    if (prepend === "never" || (prepend === "first" && !atStart)) return false;
    return !startsWithSpace(this.#bytes.subarray(1, 4));
  }

  /** Encodes a word met for the first time and keeps its ids in its slot. */
  #learn(slot: number, start: number, end: number): void {
    const made = this.#model.encodeWord(this.#bytes, start, end);
    const symbols = this.#model.symbols;
    const { slots } = this.#cache;
    const symbol = (i: number) => (i < made ? (symbols[i] as number) : 0);
    slots[slot + OWNER_FIELD] = made + 1;
    if (!this.#wide && made <= 4) {
      slots[slot + OWNER_PAYLOAD] = symbol(0) | (symbol(1) << 16);
      slots[slot + OWNER_PAYLOAD + 1] = symbol(2) | (symbol(3) << 16);
    } else if (made <= 2) {
      slots[slot + OWNER_PAYLOAD] = symbol(0);
      slots[slot + OWNER_PAYLOAD + 1] = symbol(1);
    } else {
      slots[slot + OWNER_PAYLOAD] = this.#storedUsed;
      this.#stored = this.#withRoom(this.#stored, this.#storedUsed, made);
      for (let i = 0; i < made; i++) this.#stored[this.#storedUsed + i] = symbols[i] as number;
      this.#storedUsed += made;
    }
  }

  #forget(): void {
    this.#cache.clear();
    this.#storedUsed = 0;
  }

  #makeRoom(length: number): void {
    const needed = 1 + length + READ_AHEAD;
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
