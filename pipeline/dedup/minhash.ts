import { createMinimum } from "./minima.ts";

/** Bands and values a band: 14 × 8 finds pairs of a similarity of about 0.72 in half of all cases (FineWeb-2's). */
export const BANDS = 14;
/** Words of 32 bits that a document's band hashes take. */
export const BAND_WORDS = BANDS * 2;
const ROWS = 8;
/** Words a shingle. */
const SHINGLE = 5;
const SEED = 0x9e3779b9;

/** Writes a text's `BANDS` band hashes, as pairs of 32-bit halves, behind each other into `into`. */
export type MinHasher = (hashes: Uint32Array, into: Uint32Array, offset: number) => void;

/**
 * MinHash of a text's 5-word shingles: two texts share a band hash with a probability that rises steeply with
 * the share of shingles they have in common (Broder 1997; Leskovec et al., Mining of Massive Datasets, 3.4).
 */
export function createMinHasher(): MinHasher {
  const count = BANDS * ROWS;
  const random = randomInts(SEED);
  const factors = Int32Array.from({ length: count }, () => random() | 1);
  const addends = Int32Array.from({ length: count }, random);
  const { minima, lower } = createMinimum({ factors, addends });
  let shingles = new Uint32Array(1 << 12);

  return (hashes, into, offset) => {
    const count = Math.max(hashes.length - SHINGLE + 1, Math.min(hashes.length, 1));
    if (count > shingles.length) shingles = new Uint32Array(count * 2);
    for (let i = 0; i < count; i++) {
      let shingle = 0;
      const end = Math.min(i + SHINGLE, hashes.length);
      for (let word = i; word < end; word++) shingle = mix(shingle ^ (hashes[word] as number));
      shingles[i] = shingle;
    }
    minima.fill(0xffffffff);
    lower(shingles.subarray(0, count));
    for (let band = 0; band < BANDS; band++) {
      let high = band + 1;
      let low = ~band;
      for (let row = 0; row < ROWS; row++) {
        const value = minima[band * ROWS + row] as number;
        high = mix(high ^ value);
        low = mix(low + Math.imul(value, 0x2c1b3c6d));
      }
      into[offset + band * 2] = high;
      into[offset + band * 2 + 1] = low;
    }
  };
}

/** The finaliser of MurmurHash3: every bit of the input decides every bit of the output. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A fixed sequence of 32-bit numbers: signatures must be the same in every worker and every run. */
function randomInts(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return mix(state);
  };
}
