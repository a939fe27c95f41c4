/** Token ids; 16 bits each wherever the vocabulary allows it. */
export type TokenIds = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** @param wide ids may exceed 65,535 */
export function allocateIds(length: number, wide: boolean): TokenIds {
  return wide ? new Uint32Array(length) : new Uint16Array(length);
}

/** The same ids with room for `more` after the `used` ones. */
export function withRoom(ids: TokenIds, used: number, more: number, wide: boolean): TokenIds {
  if (used + more <= ids.length) return ids;
  const grown = allocateIds(Math.max(used + more, ids.length * 2), wide);
  grown.set(ids.subarray(0, used));
  return grown;
}

/** The ids an encoder has made so far, in an array that grows. */
export class GrowingIds {
  readonly #wide: boolean;
  /** The array of now; only the first `length` are ids. */
  array: TokenIds;
  length = 0;

  /** @param wide ids may exceed 65,535 */
  constructor(wide: boolean) {
    this.#wide = wide;
    this.array = allocateIds(1 << 16, wide);
  }

  /** Makes room for so many more ids. */
  reserve(count: number): void {
    this.array = withRoom(this.array, this.length, count, this.#wide);
  }

  push(id: number): void {
    this.reserve(1);
    this.array[this.length++] = id;
  }

  /** The ids as an array of their own; what follows starts anew. */
  take(): TokenIds {
    const ids = this.array.slice(0, this.length);
    this.length = 0;
    return ids;
  }
}
