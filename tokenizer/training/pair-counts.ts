/** Int32 fields of a slot in the index: left id, right id, place + 1 (0: the slot is free). */
const SLOT = 4;

/** How often each pair of neighbouring symbols occurs: a hash table of numbers that only grows. */
export class PairCounts {
  /** Of the pair at each place: its ids and its count. Read them; change counts with `add`. */
  left = new Int32Array(1 << 12);
  right = new Int32Array(1 << 12);
  count = new Float64Array(1 << 12);
  #size = 0;
  #slots = new Int32Array((1 << 14) * SLOT);

  /** Number of different pairs. */
  get size(): number {
    return this.#size;
  }

  /** Adds to a pair's count. @returns the pair's place, the same as long as the table lives */
  add(left: number, right: number, amount: number): number {
    return this.addAt(this.locate(left, right), amount);
  }

  /** Adds to the count of the pair at a place. @returns the place */
  addAt(place: number, amount: number): number {
    this.count[place] = (this.count[place] as number) + amount;
    return place;
  }

  /** The pair's place; a new pair is added with a count of 0. */
  locate(left: number, right: number): number {
    const slots = this.#slots;
    let slot = hash(left, right, slots.length);
    for (;;) {
      const place = slots[slot + 2] as number;
      if (place === 0) break;
      if (slots[slot] === left && slots[slot + 1] === right) return place - 1;
      slot = (slot + SLOT) & (slots.length - 1);
    }
    if (this.#size === this.left.length) this.#growPlaces();
    const place = this.#size++;
    this.left[place] = left;
    this.right[place] = right;
    slots[slot] = left;
    slots[slot + 1] = right;
    slots[slot + 2] = place + 1;
    if (this.#size * 2 * SLOT > slots.length) this.#growIndex();
    return place;
  }

  #growPlaces(): void {
    const capacity = this.left.length * 2;
    const { left, right, count } = this;
    this.left = new Int32Array(capacity);
    this.right = new Int32Array(capacity);
    this.count = new Float64Array(capacity);
    this.left.set(left);
    this.right.set(right);
    this.count.set(count);
  }

  #growIndex(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    for (let place = 0; place < this.#size; place++) {
      const left = this.left[place] as number;
      const right = this.right[place] as number;
      let slot = hash(left, right, slots.length);
      while (slots[slot + 2] !== 0) slot = (slot + SLOT) & (slots.length - 1);
      slots[slot] = left;
      slots[slot + 1] = right;
      slots[slot + 2] = place + 1;
    }
    this.#slots = slots;
  }
}

function hash(left: number, right: number, length: number): number {
  let mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return (Math.imul(mixed, SLOT) & (length - 1)) >>> 0;
}
