/**
 * Union-find over document numbers. A cluster is known by its lowest number, so the result does not depend on
 * the order in which pairs are found. 4 bytes a document.
 */
export class Clusters {
  readonly #parents: Uint32Array;

  constructor(documents: number) {
    this.#parents = Uint32Array.from({ length: documents }, (_, id) => id);
  }

  /** The lowest number of the cluster a document is in. */
  find(id: number): number {
    const parents = this.#parents;
    let current = id;
    for (let parent = parents[current] as number; parent !== current; parent = parents[current] as number) {
      const grandparent = parents[parent] as number;
      parents[current] = grandparent; // halves the path for those who come after
      current = grandparent;
    }
    return current;
  }

  join(a: number, b: number): void {
    const [first, second] = [this.find(a), this.find(b)];
    if (first < second) this.#parents[second] = first;
    else this.#parents[first] = second;
  }

  /** Whether a document is not the one its cluster keeps. */
  isDuplicate(id: number): boolean {
    return this.#parents[id] !== id;
  }
}
