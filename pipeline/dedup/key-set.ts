/** Load above which the table doubles; open addressing slows down beyond. */
const MAX_LOAD = 0.6;

/**
 * A set of 64-bit keys in flat memory: 13 to 27 bytes a key, where a JavaScript `Set` of bigints needs
 * about 100.
 */
export class KeySet {
  #slots = new BigUint64Array(1 << 12);
  #size = 0;
  /** Zero marks a free slot, so the key zero is remembered apart. */
  #hasZero = false;

  get size(): number {
    return this.#size;
  }

  /** Adds a key; false when it was there already. */
  add(key: bigint): boolean {
    if (key === 0n) {
      if (this.#hasZero) return false;
      this.#hasZero = true;
      this.#size += 1;
      return true;
    }
    if (this.#size >= this.#slots.length * MAX_LOAD) this.#grow();
    const slot = this.#find(key);
    if (this.#slots[slot] === key) return false;
    this.#slots[slot] = key;
    this.#size += 1;
    return true;
  }

  has(key: bigint): boolean {
    return key === 0n ? this.#hasZero : this.#slots[this.#find(key)] === key;
  }

  /** All keys in order. */
  sorted(): BigUint64Array<ArrayBuffer> {
    const keys = new BigUint64Array(this.#size); // the key zero, when it is there, is the first already
    let filled = this.#hasZero ? 1 : 0;
    for (const key of this.#slots) if (key !== 0n) keys[filled++] = key;
    return keys.sort();
  }

  clear(): void {
    this.#slots.fill(0n);
    this.#size = 0;
    this.#hasZero = false;
  }

  #find(key: bigint): number {
    const mask = this.#slots.length - 1;
    let slot = Number(key & BigInt(mask)); // keys are hashes: their low bits are as good as any
    while (this.#slots[slot] !== 0n && this.#slots[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new BigUint64Array(old.length * 2);
    for (const key of old) {
      if (key !== 0n) this.#slots[this.#find(key)] = key;
    }
  }
}
