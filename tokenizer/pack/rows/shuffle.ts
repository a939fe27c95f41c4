/** Seeded, stateless mixing: the same inputs give the same 32 bits on every machine (murmur3's finaliser). */
export function mix32(...values: number[]): number {
  let hash = 0x9e3779b9;
  for (const value of values) {
    hash = Math.imul(hash ^ value, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** A seeded permutation of 0…length−1 (Fisher–Yates over a counter-based stream). */
export function permutation(length: number, ...seeds: number[]): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const stream = mix32(...seeds);
  for (let i = length - 1; i > 0; i--) {
    const j = mix32(stream, i) % (i + 1); // the bias of `%` is below 2^-8 even at 16 M rows a bucket
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  return order;
}

/** Rounds of the Feistel network below; four make a pseudo-random permutation (Luby and Rackoff 1988). */
const ROUNDS = 4;

/**
 * Where a seeded permutation of 0…size−1 takes one index, without holding the permutation: a Feistel network over
 * the next power of four, walked until it lands inside. Choosing the rows whose image is below n chooses exactly n.
 *
 * @param size at most 2^32
 */
export function scatter(index: number, size: number, seed: number): number {
  const halfBits = Math.max(1, Math.ceil(Math.log2(size) / 2));
  const half = 2 ** halfBits;
  let image = index;
  do {
    let left = Math.floor(image / half);
    let right = image % half;
    for (let round = 0; round < ROUNDS; round++) {
      const next = (left ^ mix32(seed, round, right)) & (half - 1);
      left = right;
      right = next;
    }
    image = left * half + right;
  } while (image >= size);
  return image;
}
