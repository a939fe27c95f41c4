/** Where each piece lies when pieces of tokens are packed into rows. */
export interface Fit {
  /** Row of each piece. */
  readonly row: Uint32Array;
  /** Rows used. */
  readonly rows: number;
}

/**
 * Best-fit decreasing: the longest piece first, each into the fullest row that still has room for it. Wastes about as
 * little as can be had, and no document is cut for it (Ding et al. 2024, "Fewer Truncations Improve Language
 * Modeling"). Rows of equal room are taken oldest first, so the result depends on the lengths alone.
 *
 * @param lengths of the pieces, each 1…capacity
 */
export function bestFit(lengths: Uint32Array, capacity: number): Fit {
  const room = new RoomIndex(capacity);
  const row = new Uint32Array(lengths.length);
  let rows = 0;
  for (const piece of longestFirst(lengths, capacity)) {
    const length = lengths[piece] as number;
    const found = room.smallestFrom(length);
    const taken = found === undefined ? rows++ : room.take(found);
    row[piece] = taken;
    const left = (found ?? capacity) - length;
    if (left > 0) room.add(left, taken);
  }
  return { row, rows };
}

/** Indexes of the pieces by falling length, equal ones in their order: a counting sort. */
function longestFirst(lengths: Uint32Array, capacity: number): Uint32Array {
  const next = new Uint32Array(capacity + 2);
  for (const length of lengths) next[capacity - length + 1]! += 1;
  for (let i = 1; i < next.length; i++) next[i]! += next[i - 1]!;
  const order = new Uint32Array(lengths.length);
  for (const [piece, length] of lengths.entries()) order[next[capacity - length]!++] = piece;
  return order;
}

/** Rows by the room left in them; a binary tree of flags finds the smallest sufficient room. */
class RoomIndex {
  readonly #leaves: number;
  readonly #occupied: Uint8Array;
  readonly #rows = new Map<number, { rows: number[]; taken: number }>();

  constructor(capacity: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(capacity + 1));
    this.#occupied = new Uint8Array(2 * this.#leaves);
  }

  add(room: number, row: number): void {
    const queue = this.#rows.get(room) ?? { rows: [], taken: 0 };
    queue.rows.push(row);
    this.#rows.set(room, queue);
    for (let node = this.#leaves + room; node > 0; node >>= 1) this.#occupied[node] = 1;
  }

  /** The smallest room of at least `needed` that a row has. */
  smallestFrom(needed: number): number | undefined {
    let node = this.#leaves + needed;
    while (this.#occupied[node] === 0) {
      while ((node & 1) === 1) node >>= 1;
      if (node === 0) return undefined;
      node += 1;
    }
    while (node < this.#leaves) node = this.#occupied[2 * node] === 1 ? 2 * node : 2 * node + 1;
    return node - this.#leaves;
  }

  /** Takes the oldest row with exactly this room. */
  take(room: number): number {
    const queue = this.#rows.get(room)!;
    const row = queue.rows[queue.taken++] as number;
    if (queue.taken === queue.rows.length) {
      this.#rows.delete(room);
      let node = this.#leaves + room;
      this.#occupied[node] = 0;
      for (node >>= 1; node > 0; node >>= 1) {
        this.#occupied[node] = this.#occupied[2 * node]! | this.#occupied[2 * node + 1]!;
      }
    }
    return row;
  }
}
