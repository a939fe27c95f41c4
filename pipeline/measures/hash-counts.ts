/**
 * Counts 32-bit hashes by open addressing; a collision of two in one text is not worth caring for. One table serves all
 * texts of a worker: making new ones cost a third of the time of the step `repetition`.
 */
export interface HashCounts {
  /** Counts one occurrence and returns how many there are now. */
  add(hash: number): number;
  /** How many there are. */
  count(hash: number): number;
}

class HashTable implements HashCounts {
  #mask = 0;
  /** Pairs of a hash and its count, side by side in memory. */
  #slots = new Int32Array(0);

  /** Makes room for `entries` hashes and forgets the earlier ones. */
  clear(entries: number): void {
    const size = 2 ** Math.ceil(Math.log2(entries * 1.5 + 2)) * 2;
    if (size > this.#slots.length) this.#slots = new Int32Array(size);
    else this.#slots.fill(0, 0, size);
    this.#mask = size - 1;
  }

  add(hash: number): number {
    const slot = this.#slotOf(hash);
    this.#slots[slot] = hash;
    const count = (this.#slots[slot + 1] as number) + 1;
    this.#slots[slot + 1] = count;
    return count;
  }

  count(hash: number): number {
    return this.#slots[this.#slotOf(hash) + 1] as number;
  }

  /** Where a hash is, or the free slot where it would be. */
  #slotOf(hash: number): number {
    const slots = this.#slots;
    let slot = (hash << 1) & this.#mask;
    while (slots[slot + 1] !== 0 && slots[slot] !== hash) slot = (slot + 2) & this.#mask;
    return slot;
  }
}

const table = new HashTable();

/** An empty table for at most so many hashes; valid until the next one is asked for. */
export function countsFor(entries: number): HashCounts {
  table.clear(entries);
  return table;
}
