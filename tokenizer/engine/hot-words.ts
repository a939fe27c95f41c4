/** Int32 fields of a slot: key (16 bytes), the word's length (0: the slot is free), and three for the owner. */
const SLOT = 8;
const LENGTH = 4;

/** Int32 fields of a slot, for the owner. */
export const HOT_SLOT = SLOT;

/** Where the owner finds its three fields, counted in Int32 from a slot's beginning. */
export const HOT_FIELDS = 5;

/** Longer words are not kept here. */
export const LONGEST_HOT = 16;

/** Readable bytes a caller must leave after a word: its first 16 bytes are read as four Int32. */
export const HOT_READ_AHEAD = 16;

/** 2^14 slots of 32 bytes are half of a second-level cache of 1 MB, and hold 7 of 10 words of prose; both 2^13 and 2^15 were slower. */
const SLOT_BITS = 14;

/** `MASKS[4 · length + i]` keeps those bytes of a word's i-th Int32 that belong to it. */
const MASKS = Int32Array.from({ length: 4 * (LONGEST_HOT + 1) }, (_, at) => {
  const bytes = Math.min(Math.max((at >> 2) - 4 * (at & 3), 0), 4);
  return bytes === 4 ? -1 : 2 ** (8 * bytes) - 1;
});

/**
 * A small direct-mapped cache of short words, in front of the large table: most words of a text are found here
 * without leaving the core's own memory. A word takes the place of whichever was in its slot.
 */
export class HotWords {
  /** All slots, and after them, from `spare` on, room for slots that are not looked for. */
  readonly slots: Int32Array;
  readonly spare = SLOT << SLOT_BITS;

  /** @param spareSlots how many slots there are from `spare` on */
  constructor(spareSlots: number) {
    this.slots = new Int32Array(this.spare + spareSlots * SLOT);
  }

  /** Forgets every word. */
  clear(): void {
    this.slots.fill(0);
  }

  /**
   * Where in `slots` the word `[start, start + length)` of the view is, or 1 more when another word is there. There
   * is no branch in it, because a processor could not guess which of the two it will be.
   *
   * @param length 1 to LONGEST_HOT
   */
  find(view: DataView, start: number, length: number): number {
    const mask = length << 2;
    const key0 = view.getInt32(start, true) & (MASKS[mask] as number);
    const key1 = view.getInt32(start + 4, true) & (MASKS[mask + 1] as number);
    const key2 = view.getInt32(start + 8, true) & (MASKS[mask + 2] as number);
    const key3 = view.getInt32(start + 12, true) & (MASKS[mask + 3] as number);
    const mixed =
      Math.imul(key0, 0x9e3779b1) ^
      Math.imul(key1, 0x85ebca6b) ^
      Math.imul(key2, 0xc2b2ae35) ^
      Math.imul(key3 + length, 0x27d4eb2f);
    const slot = (Math.imul(mixed ^ (mixed >>> 15), 0x9e3779b1) >>> (32 - SLOT_BITS)) * SLOT;
    const slots = this.slots;
    const differs =
      ((slots[slot] as number) ^ key0) |
      ((slots[slot + 1] as number) ^ key1) |
      ((slots[slot + 2] as number) ^ key2) |
      ((slots[slot + 3] as number) ^ key3) |
      ((slots[slot + LENGTH] as number) ^ length);
    return slot | ((differs | -differs) >>> 31);
  }

  /** Writes the key of a word to a slot; the owner's fields are left as they are. */
  setKey(slot: number, view: DataView, start: number, length: number): void {
    const mask = length << 2;
    const slots = this.slots;
    for (let i = 0; i < 4; i++) {
      slots[slot + i] = view.getInt32(start + 4 * i, true) & (MASKS[mask + i] as number);
    }
    slots[slot + LENGTH] = length;
  }

  /** Copies a slot, key and fields, over another. */
  copy(from: number, to: number): void {
    const slots = this.slots;
    for (let i = 0; i < SLOT; i++) slots[to + i] = slots[from + i] as number;
  }
}
