/** Bits, powers of two, of the least filter and the largest: 32 MB. */
const LEAST_BITS = 1 << 15;
const MOST_BITS = 1 << 28;
/** Of full filters but the largest: one new key in 20 seems to be there. With a hundred million in 32 MB one in four. */
const BITS_PER_KEY = 8;

/** A Bloom filter with two probes. Keys are hashes: any of their bits are as good as another hash. */
export class KeyFilter {
  readonly #words: Uint32Array;
  readonly #mask: number;
  #keys = 0;

  /** @param keys that it is going to have at once; there is room for as many again */
  constructor(keys = 0) {
    let bits = LEAST_BITS;
    while (bits < keys * BITS_PER_KEY * 2 && bits < MOST_BITS) bits *= 2;
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  /** Whether it stays worth asking with more keys, or cannot be larger. */
  hasRoomFor(keys: number): boolean {
    return this.#mask + 1 === MOST_BITS || (this.#keys + keys) * BITS_PER_KEY <= this.#mask + 1;
  }

  addAll(keys: BigUint64Array): void {
    const halves = new Uint32Array(keys.buffer, keys.byteOffset, keys.length * 2);
    for (let i = 0; i < halves.length; i++) {
      const bit = (halves[i] as number) & this.#mask;
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] as number) | (1 << (bit & 31));
    }
    this.#keys += keys.length;
  }

  mayHave(key: bigint): boolean {
    return this.#has(Number(BigInt.asUintN(32, key))) && this.#has(Number(key >> 32n));
  }

  #has(probe: number): boolean {
    const bit = probe & this.#mask;
    return ((this.#words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }
}
