import { type MergeTable, NO_RANK } from "./merge-table.ts";

/**
 * Above this many symbols a heap is used instead of scanning for the best pair. Scanning is quadratic but has no
 * overhead: on Polish words it is 1.5–3 times faster up to about 60 symbols and slower from about 120.
 */
const LONG = 100;

/**
 * Merges a word's symbols in place: always the pair of lowest rank, of equal ones the leftmost, until none is left.
 *
 * @returns how many symbols remain, at the beginning of `symbols`
 */
export function mergeSymbols(symbols: Int32Array, length: number, merges: MergeTable): number {
  return length <= LONG ? mergeShort(symbols, length, merges) : mergeLong(symbols, length, merges);
}

/** Places of a short word are packed below ranks in one Int32, so that comparing numbers orders both. */
const PLACE_BITS = 7;
const PLACE_MASK = 2 ** PLACE_BITS - 1;

/** Not exported: an exported constant is looked up in its module each time it is used. */
const NEVER = NO_RANK;

/** Rank of the pair that starts at each symbol of a short word, and its place. */
const keys = new Int32Array(LONG);

function mergeShort(symbols: Int32Array, length: number, merges: MergeTable): number {
  for (let i = 0; i + 1 < length; i++) {
    keys[i] = (merges.rank(symbols[i] as number, symbols[i + 1] as number) << PLACE_BITS) | i;
  }
  let count = length;
  for (;;) {
    let best = NEVER << PLACE_BITS;
    for (let i = 0; i + 1 < count; i++) {
      const difference = (keys[i] as number) - best;
      best += difference & (difference >> 31); // the smaller of the two, without a branch that cannot be guessed
    }
    const rank = best >> PLACE_BITS;
    if (rank === NEVER) return count;
    const at = best & PLACE_MASK;
    symbols[at] = merges.merged(rank);
    count -= 1;
    for (let i = at + 1; i < count; i++) {
      symbols[i] = symbols[i + 1] as number;
      keys[i] = (keys[i + 1] as number) - 1;
    }
    if (at > 0) {
      const left = merges.rank(symbols[at - 1] as number, symbols[at] as number);
      keys[at - 1] = (left << PLACE_BITS) | (at - 1);
    }
    if (at + 1 < count) {
      const right = merges.rank(symbols[at] as number, symbols[at + 1] as number);
      keys[at] = (right << PLACE_BITS) | at;
    }
  }
}

/** Places are packed below ranks in one double, `rank · PLACES + place`, so that comparing numbers orders both. */
const PLACES = 2 ** 31;

function mergeLong(symbols: Int32Array, length: number, merges: MergeTable): number {
  const next = new Int32Array(length);
  const previous = new Int32Array(length);
  const rankAt = new Int32Array(length).fill(NO_RANK);
  const heap = new NumberHeap(length);
  const queue = (at: number) => {
    const right = next[at] as number;
    const rank = right < length ? merges.rank(symbols[at] as number, symbols[right] as number) : NO_RANK;
    rankAt[at] = rank;
    if (rank !== NO_RANK) heap.push(rank * PLACES + at);
  };
  for (let at = 0; at < length; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
    queue(at);
  }
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const at = top % PLACES;
    const rank = Math.floor(top / PLACES);
    if (rankAt[at] !== rank) continue; // the pair here has changed since
    const right = next[at] as number;
    symbols[at] = merges.merged(rank);
    rankAt[right] = NO_RANK;
    const after = next[right] as number;
    next[at] = after;
    if (after < length) previous[after] = at;
    queue(at);
    if (at > 0) queue(previous[at] as number);
  }
  let count = 0;
  for (let at = 0; at < length; at = next[at] as number) symbols[count++] = symbols[at] as number;
  return count;
}

/** A binary heap of numbers, smallest first. */
class NumberHeap {
  #items: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#items = new Float64Array(Math.max(capacity, 16));
  }

  push(item: number): void {
    if (this.#size === this.#items.length) {
      const grown = new Float64Array(this.#size * 2);
      grown.set(this.#items);
      this.#items = grown;
    }
    const items = this.#items;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((items[parent] as number) <= item) break;
      items[at] = items[parent] as number;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    if (this.#size === 0) return undefined;
    const items = this.#items;
    const top = items[0] as number;
    this.#size -= 1;
    const moving = items[this.#size] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && (items[child + 1] as number) < (items[child] as number)) child += 1;
      if ((items[child] as number) >= moving) break;
      items[at] = items[child] as number;
      at = child;
    }
    items[at] = moving;
    return top;
  }
}
