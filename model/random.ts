/** A stream of random numbers that depends on nothing but its seed. */
export interface Random {
  /** Uniform in [0, 1), with 32 random bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

/** Mixes 32 bits into well-spread ones: the finalizer of MurmurHash3 (Appleby, public domain). */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A generator for one purpose. Streams of one seed with different names are independent, so that the initial value of
 * a tensor depends on its name and not on how many tensors came before it. The generator is xoshiro128** (Blackman and
 * Vigna 2018); normals are made by the polar method, whose logarithm and root are the same on every platform of V8.
 */
export function createRandom(seed: number, name: string): Random {
  let hash = mix(seed ^ 0x9e3779b9) ^ mix(Math.floor(seed / 2 ** 32));
  for (let i = 0; i < name.length; i++) hash = mix(hash ^ Math.imul(name.charCodeAt(i) + i, 0x01000193));
  const seedWord = (index: number) => mix(hash + Math.imul(index, 0x9e3779b9));
  let s0 = seedWord(1);
  let s1 = seedWord(2);
  let s2 = seedWord(3);
  let s3 = seedWord(4) | 1; // The all-zero state would stay zero for ever.

  function next(): number {
    const scrambled = Math.imul(s1, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  }

  const uniform = () => next() / 2 ** 32;
  let spare: number | undefined;

  function normal(): number {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * uniform() - 1;
      const y = 2 * uniform() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * factor;
      return x * factor;
    }
  }

  return { uniform, normal };
}

/** A uniformly drawn order of 0 … length−1 (Fisher–Yates). */
export function randomPermutation(random: Random, length: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random.uniform() * (last + 1));
    const swapped = order[last]!;
    order[last] = order[other]!;
    order[other] = swapped;
  }
  return order;
}
