/** Int32 fields of a slot: length, first 12 bytes, place of the other bytes, one field and 8 bytes for the owner. */
const SLOT = 8;
const LENGTH = 0;
const HEAD = 1;
const TAIL_START = 4;

/** Bytes of a word kept in its slot, so that most look-ups touch one cache line. */
const HEAD_BYTES = 12;

/** Where the owner of a table finds its own fields, counted in Int32 from a slot. */
export const OWNER_FIELD = 5;
export const OWNER_PAYLOAD = 6;

/** `HEAD_MASKS[n]` keeps the low n bytes of an Int32. */
const HEAD_MASKS = Int32Array.of(0, 0xff, 0xffff, 0xff_ffff, -1);

/** Readable bytes a caller must leave after a word: its first 12 bytes are read as three Int32. */
export const READ_AHEAD = 12;

/**
 * A hash table from words (byte strings) to fixed-size records, for hundreds of millions of look-ups: open
 * addressing over one Int32Array, 32 bytes a slot.
 * Neither strings nor objects are made.
 */
export class WordTable {
  /** All slots; `locate` answers an index into it. It is replaced when the table grows. */
  slots: Int32Array;
  #size = 0;
  #mask: number;
  #tails: Uint8Array;
  #tailsUsed = 0;

  /** @param capacity slots to start with, a power of two */
  constructor(capacity = 1 << 14) {
    this.slots = new Int32Array(capacity * SLOT);
    this.#mask = capacity - 1;
    this.#tails = new Uint8Array(1 << 16);
  }

  /** Number of words. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory held. */
  get byteSize(): number {
    return this.slots.byteLength + this.#tails.byteLength;
  }

  /** Forgets every word; the memory is kept. */
  clear(): void {
    this.slots.fill(0);
    this.#size = 0;
    this.#tailsUsed = 0;
  }

  /**
   * Index of the slot of the word `view[start, end)`; a new word is added with its owner's fields zero.
   *
   * @param bytes the text; `view` is a DataView of the same memory, with READ_AHEAD bytes to spare after `end`
   */
  locate(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    let word0 = view.getInt32(start, true);
    let word1 = 0;
    let word2 = 0;
    if (length > 8) {
      word1 = view.getInt32(start + 4, true);
      word2 = view.getInt32(start + 8, true);
      if (length < HEAD_BYTES) word2 &= HEAD_MASKS[length - 8] as number;
    } else if (length > 4) {
      word1 = view.getInt32(start + 4, true) & (HEAD_MASKS[length - 4] as number);
    } else {
      word0 &= HEAD_MASKS[length] as number;
    }
    let hash = mix(word0, word1, word2, length);
    if (length > HEAD_BYTES) hash = mixTail(hash, bytes, start + HEAD_BYTES, end);

    let slots = this.slots;
    let slot = (hash & this.#mask) * SLOT;
    for (;;) {
      const found = slots[slot + LENGTH];
      if (found === 0) break;
      if (
        found === length &&
        slots[slot + HEAD] === word0 &&
        slots[slot + HEAD + 1] === word1 &&
        slots[slot + HEAD + 2] === word2 &&
        (length <= HEAD_BYTES || this.#sameTail(slots[slot + TAIL_START] as number, bytes, start, end))
      ) {
        return slot;
      }
      slot = (slot + SLOT) & (slots.length - 1);
    }

    if (this.#size * 2 > this.#mask) {
      this.#grow();
      slots = this.slots;
      slot = this.#freeSlot(hash);
    }
    slots[slot + LENGTH] = length;
    slots[slot + HEAD] = word0;
    slots[slot + HEAD + 1] = word1;
    slots[slot + HEAD + 2] = word2;
    slots[slot + TAIL_START] = length > HEAD_BYTES ? this.#keepTail(bytes, start + HEAD_BYTES, end) : 0;
    this.#size += 1;
    return slot;
  }

  /** Slot indices of all words, in no particular order. */
  usedSlots(): Int32Array {
    const used = new Int32Array(this.#size);
    let count = 0;
    for (let slot = 0; slot < this.slots.length; slot += SLOT) {
      if (this.slots[slot + LENGTH] !== 0) used[count++] = slot;
    }
    return used;
  }

  /** Length in bytes of the word in a slot. */
  lengthAt(slot: number): number {
    return this.slots[slot + LENGTH] as number;
  }

  /** Copies the word in a slot to `target[at…]`, which must have `lengthAt(slot)` bytes of room. */
  copyTo(slot: number, target: Uint8Array, at: number): void {
    const length = this.lengthAt(slot);
    const inHead = Math.min(length, HEAD_BYTES);
    for (let i = 0; i < inHead; i++) {
      target[at + i] = (this.slots[slot + HEAD + (i >> 2)] as number) >>> ((i & 3) * 8);
    }
    if (length > HEAD_BYTES) {
      const from = this.slots[slot + TAIL_START] as number;
      target.set(this.#tails.subarray(from, from + length - HEAD_BYTES), at + HEAD_BYTES);
    }
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
    this.#tails.set(bytes.subarray(start, end), from);
    this.#tailsUsed = needed;
    return from;
  }

  #grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let slot = 0; slot < old.length; slot += SLOT) {
      const length = old[slot + LENGTH] as number;
      if (length === 0) continue;
      let hash = mix(
        old[slot + HEAD] as number,
        old[slot + HEAD + 1] as number,
        old[slot + HEAD + 2] as number,
        length,
      );
      if (length > HEAD_BYTES) {
        const from = old[slot + TAIL_START] as number;
        hash = mixTail(hash, this.#tails, from, from + length - HEAD_BYTES);
      }
      this.slots.set(old.subarray(slot, slot + SLOT), this.#freeSlot(hash));
    }
  }

  #freeSlot(hash: number): number {
    let slot = (hash & this.#mask) * SLOT;
    while (this.slots[slot + LENGTH] !== 0) slot = (slot + SLOT) & (this.slots.length - 1);
    return slot;
  }
}

/** Multiply-and-xor mixing with odd constants of well-spread bits; quality only matters for speed. */
function mix(word0: number, word1: number, word2: number, length: number): number {
  let hash = Math.imul(word0 ^ Math.imul(length, 0x27d4eb2f), 0x9e3779b1);
  hash = Math.imul((hash ^ (hash >>> 15)) + word1, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 13)) + word2, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixTail(start: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = start;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
