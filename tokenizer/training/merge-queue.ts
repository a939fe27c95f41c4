import type { PairCounts } from "./pair-counts.ts";

/** Children of a heap node; four make the heap half as deep as two, and a node's children share a cache line. */
const ARITY = 4;

/**
 * The pairs waiting to be merged, best first: highest count, then smaller left id, then smaller right id.
 * A candidate is a pair, its count when it was queued and the words it was then seen in.
 */
export class MergeQueue {
  readonly #pairs: PairCounts;
  /** Of each candidate: its pair's place in PairCounts, its count, its words in `#words[start, start + length)`. */
  #pair = new Int32Array(1 << 12);
  #count = new Float64Array(1 << 12);
  #start = new Float64Array(1 << 12);
  #length = new Int32Array(1 << 12);
  #candidates = 0;
  #heap = new Int32Array(1 << 12);
  #size = 0;

  constructor(pairs: PairCounts) {
    this.#pairs = pairs;
  }

  /** Queues a pair; `start` and `length` say where its words are listed. */
  push(pair: number, count: number, start: number, length: number): void {
    if (this.#candidates === this.#pair.length) this.#grow();
    const candidate = this.#candidates++;
    this.#pair[candidate] = pair;
    this.#count[candidate] = count;
    this.#start[candidate] = start;
    this.#length[candidate] = length;
    this.#siftUp(this.#size++, candidate);
  }

  /**
   * Takes out the best candidate. One whose count has changed since it was queued is put back with its present
   * count and the next one is tried, as the reference does it.
   */
  pop(): { pair: number; count: number; start: number; length: number } | undefined {
    while (this.#size > 0) {
      const candidate = this.#heap[0] as number;
      const pair = this.#pair[candidate] as number;
      const count = this.#pairs.count[pair] as number;
      if (count !== this.#count[candidate]) {
        this.#count[candidate] = count;
        this.#siftDown(candidate);
        continue;
      }
      this.#size -= 1;
      if (this.#size > 0) this.#siftDown(this.#heap[this.#size] as number);
      return {
        pair,
        count,
        start: this.#start[candidate] as number,
        length: this.#length[candidate] as number,
      };
    }
    return undefined;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#count[a] as number) - (this.#count[b] as number);
    if (difference !== 0) return difference > 0;
    const { left, right } = this.#pairs;
    const pairA = this.#pair[a] as number;
    const pairB = this.#pair[b] as number;
    const leftDifference = (left[pairA] as number) - (left[pairB] as number);
    return leftDifference !== 0 ? leftDifference < 0 : (right[pairA] as number) < (right[pairB] as number);
  }

  #siftUp(from: number, candidate: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = Math.floor((at - 1) / ARITY);
      if (!this.#isBefore(candidate, heap[parent] as number)) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = candidate;
  }

  /** Puts `candidate` at the top and lets it sink to its place. */
  #siftDown(candidate: number): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const firstChild = at * ARITY + 1;
      if (firstChild >= this.#size) break;
      const end = Math.min(firstChild + ARITY, this.#size);
      let best = firstChild;
      for (let child = firstChild + 1; child < end; child++) {
        if (this.#isBefore(heap[child] as number, heap[best] as number)) best = child;
      }
      if (!this.#isBefore(heap[best] as number, candidate)) break;
      heap[at] = heap[best] as number;
      at = best;
    }
    heap[at] = candidate;
  }

  #grow(): void {
    const capacity = this.#pair.length * 2;
    this.#pair = copyInto(this.#pair, new Int32Array(capacity));
    this.#count = copyInto(this.#count, new Float64Array(capacity));
    this.#start = copyInto(this.#start, new Float64Array(capacity));
    this.#length = copyInto(this.#length, new Int32Array(capacity));
    this.#heap = copyInto(this.#heap, new Int32Array(capacity));
  }
}

function copyInto<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
