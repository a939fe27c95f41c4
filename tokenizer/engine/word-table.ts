/** Int32 fields of a record: length, first 12 bytes, place of the other bytes, one field and 8 bytes for the owner. */
const RECORD = 8;
const LENGTH = 0;
const HEAD = 1;
const TAIL_START = 4;

/** Bytes of a word kept in its record, so that most look-ups touch one cache line. */
const HEAD_BYTES = 12;

/** Where the owner of a table finds its own fields, counted in Int32 from its beginning. */
export const OWNER_FIELD = 5;
export const OWNER_PAYLOAD = 6;

/** `HEAD_MASKS[3 · length + i]` keeps those bytes of a word's i-th Int32 that belong to it. */
const HEAD_MASKS = Int32Array.from({ length: 3 * (HEAD_BYTES + 1) }, (_, at) => {
  const bytes = Math.min(Math.max(Math.floor(at / 3) - 4 * (at % 3), 0), 4);
  return bytes === 4 ? -1 : 2 ** (8 * bytes) - 1;
});

/** Readable bytes a caller must leave after a word: its first 12 bytes are read as three Int32. */
export const READ_AHEAD = 12;

// An exported constant is looked up in its module each time it is used, one of the module's own is part of the code:
// hence two names.
const NOT_FOUND = -1;

/** Int32 fields of a record. The first word has record 1; record 0 stands for no word. */
export const RECORD_FIELDS = RECORD;

/** In `WordBatch.found`: this word was not found where it would be first looked for; `locate` it. */
export const ABSENT = NOT_FOUND;

/** Words to be looked up together. */
export interface WordBatch {
  /** Where each word starts and ends. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Scratch. */
  readonly hashes: Int32Array;
  readonly lengths: Int32Array;
  /** The record of each word, or ABSENT. */
  readonly found: Int32Array;
}

/** A batch of at most so many words. */
export function makeWordBatch(words: number): WordBatch {
  const array = () => new Int32Array(words);
  return { starts: array(), ends: array(), hashes: array(), lengths: array(), found: array() };
}

/** Low bits of an index entry: the word's number, from 1 on; 0 is free. The bits above are part of its hash. */
const NUMBER_BITS = 24;
const NUMBER_MASK = 2 ** NUMBER_BITS - 1;

/** Words a table holds at most; its owner empties it before. */
export const MAX_WORDS = NUMBER_MASK - 1;

/**
 * A hash table from words (byte strings) to fixed-size records, for hundreds of millions of look-ups. Neither
 * strings nor objects are made.
 *
 * Records of 32 bytes lie in the order the words came in, and a separate index of 4 bytes a place finds them. As
 * frequent words come early, the records in use most lie side by side and stay in the processor's caches; records
 * spread over an open-addressing table of 64 MB cost a miss of cache and of address translation for nearly every
 * word (measured: 70 ns a look-up instead of 25).
 */
export class WordTable {
  /** All records; `locate` answers an index into it. It is replaced when the table grows. */
  slots: Int32Array = new Int32Array(RECORD << 10);
  #size = 0;
  #index: Int32Array;
  #tails: Uint8Array = new Uint8Array(1 << 14);
  #tailsUsed = 0;

  /** @param capacity places of the index to start with, a power of two */
  constructor(capacity = 1 << 12) {
    this.#index = new Int32Array(capacity);
  }

  /** Number of words. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory held. */
  get byteSize(): number {
    return this.slots.byteLength + this.#index.byteLength + this.#tails.byteLength;
  }

  /** Bytes of memory the next words may make it hold: while growing, old and new memory are there together. */
  get peakByteSize(): number {
    const { length } = this.#index;
    const growsRecords = (this.#size + 2) * RECORD > this.slots.length ? this.slots.byteLength * 2 : 0;
    return this.byteSize + growsRecords + ((this.#size + 1) * 2 > length ? length * 8 : 0);
  }

  /** Forgets every word; the memory is kept. */
  clear(): void {
    this.#index.fill(0);
    this.slots.fill(0, 0, (this.#size + 1) * RECORD);
    this.#size = 0;
    this.#tailsUsed = 0;
  }

  /**
   * Finds many words at once, which takes half the time of finding one after another: each step is a loop of its
   * own over all words, so that the processor waits for many of their cache lines at the same time. The loops that
   * touch new lines do nothing else, because it looks only some hundred instructions ahead.
   *
   * @param bytes the text; `view` is a DataView of the same memory, with READ_AHEAD bytes to spare after the words
   * @param batch word i is `bytes[batch.starts[i], batch.ends[i])`; `batch.found` receives the records
   * @param count words of the batch
   */
  find(
    bytes: Uint8Array,
    view: DataView,
    { starts, ends, hashes, lengths, found }: WordBatch,
    count: number,
  ): void {
    const index = this.#index;
    const slots = this.slots;
    const mask = index.length - 1;
    for (let i = 0; i < count; i++) {
      const start = starts[i] as number;
      const end = ends[i] as number;
      const length = end - start;
      const masks = length < HEAD_BYTES ? length * 3 : 3 * HEAD_BYTES;
      const hash = mix(
        view.getInt32(start, true) & (HEAD_MASKS[masks] as number),
        view.getInt32(start + 4, true) & (HEAD_MASKS[masks + 1] as number),
        view.getInt32(start + 8, true) & (HEAD_MASKS[masks + 2] as number),
        length,
      );
      hashes[i] = length > HEAD_BYTES ? mixTail(hash, bytes, start + HEAD_BYTES, end) : hash;
    }
    for (let i = 0; i < count; i++) found[i] = index[(hashes[i] as number) & mask] as number;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i] as number;
      let place = hash & mask;
      let entry = found[i] as number;
      while ((entry ^ hash) >>> NUMBER_BITS !== 0 && entry !== 0) {
        place = (place + 1) & mask;
        entry = index[place] as number;
      }
      found[i] = (entry & NUMBER_MASK) * RECORD;
    }
    for (let i = 0; i < count; i++) lengths[i] = slots[(found[i] as number) + LENGTH] as number;
    for (let i = 0; i < count; i++) {
      const slot = found[i] as number;
      found[i] = NOT_FOUND;
      const start = starts[i] as number;
      const end = ends[i] as number;
      const length = end - start;
      const masks = length < HEAD_BYTES ? length * 3 : 3 * HEAD_BYTES;
      if (
        lengths[i] === length &&
        slots[slot + HEAD] === (view.getInt32(start, true) & (HEAD_MASKS[masks] as number)) &&
        slots[slot + HEAD + 1] === (view.getInt32(start + 4, true) & (HEAD_MASKS[masks + 1] as number)) &&
        slots[slot + HEAD + 2] === (view.getInt32(start + 8, true) & (HEAD_MASKS[masks + 2] as number)) &&
        (length <= HEAD_BYTES || this.#sameTail(slots[slot + TAIL_START] as number, bytes, start, end))
      ) {
        found[i] = slot;
      }
    }
  }

  /**
   * Index of the record of the word `view[start, end)`; a new word is added with its owner's fields zero.
   *
   * @param bytes the text; `view` is a DataView of the same memory, with READ_AHEAD bytes to spare after `end`
   */
  locate(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    const masks = length < HEAD_BYTES ? length * 3 : 3 * HEAD_BYTES;
    const word0 = view.getInt32(start, true) & (HEAD_MASKS[masks] as number);
    const word1 = view.getInt32(start + 4, true) & (HEAD_MASKS[masks + 1] as number);
    const word2 = view.getInt32(start + 8, true) & (HEAD_MASKS[masks + 2] as number);
    let hash = mix(word0, word1, word2, length);
    if (length > HEAD_BYTES) hash = mixTail(hash, bytes, start + HEAD_BYTES, end);

    const index = this.#index;
    const slots = this.slots;
    const mask = index.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = index[place] as number;
      if (entry === 0) break;
      if ((entry ^ hash) >>> NUMBER_BITS !== 0) continue;
      const slot = (entry & NUMBER_MASK) * RECORD;
      if (
        slots[slot + LENGTH] === length &&
        slots[slot + HEAD] === word0 &&
        slots[slot + HEAD + 1] === word1 &&
        slots[slot + HEAD + 2] === word2 &&
        (length <= HEAD_BYTES || this.#sameTail(slots[slot + TAIL_START] as number, bytes, start, end))
      ) {
        return slot;
      }
    }
    return this.#append(hash, length, word0, word1, word2, bytes, start, end);
  }

  /** Length in bytes of the word in a record. */
  lengthAt(slot: number): number {
    return this.slots[slot + LENGTH] as number;
  }

  /** Copies the word in a record to `target[at…]`, which must have `lengthAt(slot)` bytes of room. */
  copyTo(slot: number, target: Uint8Array, at: number): void {
    const length = this.lengthAt(slot);
    const inHead = Math.min(length, HEAD_BYTES);
    for (let i = 0; i < inHead; i++) {
      target[at + i] = (this.slots[slot + HEAD + (i >> 2)] as number) >>> ((i & 3) * 8);
    }
    const from = this.slots[slot + TAIL_START] as number;
    for (let i = HEAD_BYTES; i < length; i++) target[at + i] = this.#tails[from + i - HEAD_BYTES] as number;
  }

  #append(
    hash: number,
    length: number,
    word0: number,
    word1: number,
    word2: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (this.#size === MAX_WORDS) throw new RangeError(`a word table holds ${MAX_WORDS} words`);
    if ((this.#size + 1) * 2 > this.#index.length) this.#growIndex();
    const slot = (this.#size + 1) * RECORD;
    if (slot === this.slots.length) {
      const grown = new Int32Array(this.slots.length * 2);
      grown.set(this.slots);
      this.slots = grown;
    }
    const { slots } = this;
    slots[slot + LENGTH] = length;
    slots[slot + HEAD] = word0;
    slots[slot + HEAD + 1] = word1;
    slots[slot + HEAD + 2] = word2;
    slots[slot + TAIL_START] = length > HEAD_BYTES ? this.#keepTail(bytes, start + HEAD_BYTES, end) : 0;
    this.#size += 1;
    this.#enter(hash, this.#size);
    return slot;
  }

  #sameTail(from: number, bytes: Uint8Array, start: number, end: number): boolean {
    const tails = this.#tails;
    for (let at = start + HEAD_BYTES, i = from; at < end; at++, i++) {
      if (tails[i] !== bytes[at]) return false;
    }
    return true;
  }

  #keepTail(bytes: Uint8Array, start: number, end: number): number {
    const from = this.#tailsUsed;
    const needed = from + end - start;
    if (needed > this.#tails.length) {
      const grown = new Uint8Array(Math.max(needed, this.#tails.length * 2));
      grown.set(this.#tails.subarray(0, from));
      this.#tails = grown;
    }
    const tails = this.#tails;
    for (let at = start, i = from; at < end; at++, i++) tails[i] = bytes[at] as number;
    this.#tailsUsed = needed;
    return from;
  }

  #growIndex(): void {
    this.#index = new Int32Array(this.#index.length * 2);
    const { slots } = this;
    for (let number = 1; number <= this.#size; number++) {
      const slot = number * RECORD;
      const length = slots[slot + LENGTH] as number;
      let hash = mix(
        slots[slot + HEAD] as number,
        slots[slot + HEAD + 1] as number,
        slots[slot + HEAD + 2] as number,
        length,
      );
      if (length > HEAD_BYTES) {
        const from = slots[slot + TAIL_START] as number;
        hash = mixTail(hash, this.#tails, from, from + length - HEAD_BYTES);
      }
      this.#enter(hash, number);
    }
  }

  #enter(hash: number, number: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let place = hash & mask;
    while (index[place] !== 0) place = (place + 1) & mask;
    index[place] = (hash & ~NUMBER_MASK) | number;
  }
}

/** Multiply-and-xor mixing with odd constants of well-spread bits; quality only matters for speed. */
function mix(word0: number, word1: number, word2: number, length: number): number {
  let hash =
    Math.imul(word0, 0x9e3779b1) + Math.imul(word1, 0x85ebca6b) + Math.imul(word2 + length, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}

function mixTail(start: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = start;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 16);
}
