import type { PairCounts } from "./pair-counts.ts";

/**
 * Places of the pairs that one symbol makes with others, each looked up in the table of pairs once a merge: a merge
 * meets the same few neighbours again and again, and a look-up costs two misses of the cache.
 */
export class NeighbourPairs {
  readonly #pairs: PairCounts;
  /** Of each symbol: the round its place was looked up in, and the place. */
  readonly #known: Int32Array;
  #round = 0;
  #symbol = 0;

  /** @param vocabularySize upper bound of all symbol ids */
  constructor(pairs: PairCounts, vocabularySize: number) {
    this.#pairs = pairs;
    this.#known = new Int32Array(2 * vocabularySize);
  }

  /** Forgets everything: from now on pairs are those of `symbol`. */
  restart(symbol: number): void {
    this.#symbol = symbol;
    this.#round += 1;
  }

  /** Place of the pair `neighbour symbol`. */
  before(neighbour: number): number {
    const at = 2 * neighbour;
    if (this.#known[at] === this.#round) return this.#known[at + 1] as number;
    return this.#remember(at, this.#pairs.locate(neighbour, this.#symbol));
  }

  /** Place of the pair `symbol neighbour`; one object answers either this or `before`. */
  after(neighbour: number): number {
    const at = 2 * neighbour;
    if (this.#known[at] === this.#round) return this.#known[at + 1] as number;
    return this.#remember(at, this.#pairs.locate(this.#symbol, neighbour));
  }

  #remember(at: number, place: number): number {
    this.#known[at] = this.#round;
    this.#known[at + 1] = place;
    return place;
  }
}
