/** Int32 fields of a slot: left id, right id, rank + 1 (0: the slot is free), and one to make it a power of two. */
const SLOT = 4;

/** Pairs of ids below this have their ranks in a square table: characters mostly, the pairs asked for most. */
const SQUARE = 256;

const NEVER = 2 ** 24 - 1;

/** Rank of a pair that is never merged; larger than any real rank, of which there can be so many. */
export const NO_RANK = NEVER;

/**
 * Bits of the filter for each merge. Most pairs asked for never merge, and a bit that is not set says so from the
 * first-level cache (32 KB for 32 thousand merges); one in nine is set by another pair.
 */
const FILTER_BITS = 8;

/** For each pair of ids that merges: its rank (0 merges first) and the id it becomes. */
export class MergeTable {
  readonly #slots: Int32Array;
  readonly #filter: Int32Array;
  readonly #square = new Int32Array(SQUARE * SQUARE).fill(NEVER);
  readonly #merged: Int32Array;

  /** @param merges left, right and merged id of each, in order of rank; of a pair listed twice the later rank counts */
  constructor(merges: Int32Array) {
    const count = merges.length / 3;
    let capacity = 16;
    while (capacity < count * 2) capacity *= 2;
    const slots = new Int32Array(capacity * SLOT);
    const filter = new Int32Array((capacity / 2) * (FILTER_BITS / 32) || 1);
    this.#merged = new Int32Array(count);
    for (let rank = 0; rank < count; rank++) {
      const left = merges[3 * rank] as number;
      const right = merges[3 * rank + 1] as number;
      const mixed = mix(left, right);
      const word = (mixed >>> 5) & (filter.length - 1);
      filter[word] = (filter[word] as number) | (1 << (mixed & 31));
      let slot = Math.imul(mixed, SLOT) & (slots.length - 1);
      while (slots[slot + 2] !== 0 && (slots[slot] !== left || slots[slot + 1] !== right)) {
        slot = (slot + SLOT) & (slots.length - 1);
      }
      slots[slot] = left;
      slots[slot + 1] = right;
      slots[slot + 2] = rank + 1;
      if (left < SQUARE && right < SQUARE) this.#square[left * SQUARE + right] = rank;
      this.#merged[rank] = merges[3 * rank + 2] as number;
    }
    this.#slots = slots;
    this.#filter = filter;
  }

  /** Rank of the pair, NO_RANK when it never merges. */
  rank(left: number, right: number): number {
    if (left < SQUARE && right < SQUARE) return this.#square[left * SQUARE + right] as number;
    const mixed = mix(left, right);
    const filter = this.#filter;
    if ((((filter[(mixed >>> 5) & (filter.length - 1)] as number) >>> (mixed & 31)) & 1) === 0) return NEVER;
    const slots = this.#slots;
    let slot = Math.imul(mixed, SLOT) & (slots.length - 1);
    for (;;) {
      const rank = slots[slot + 2] as number;
      if (rank === 0) return NEVER;
      if (slots[slot] === left && slots[slot + 1] === right) return rank - 1;
      slot = (slot + SLOT) & (slots.length - 1);
    }
  }

  /** The token the pair of this rank becomes. */
  merged(rank: number): number {
    return this.#merged[rank] as number;
  }
}

function mix(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
