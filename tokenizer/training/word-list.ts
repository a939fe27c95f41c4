/** Words and how often each occurs. */
export interface WordList {
  readonly size: number;
  /** The words' bytes one after another: word i is `bytes[starts[i], starts[i + 1])`, a leading 0x20 means "▁". */
  readonly bytes: Uint8Array;
  readonly starts: Float64Array;
  readonly counts: Float64Array;
  /** How often characters occur in words that were left out of the list, by code point. */
  readonly rareCharacters?: ReadonlyMap<number, number>;
}

/** The same words sorted by their bytes, as unsigned numbers; a word comes before those it begins. */
export function sortWords(words: WordList): WordList {
  const { size, bytes, starts, counts } = words;
  const order = new Uint32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;
  sortRange(words, order, 0);

  const sorted: WordList = {
    size,
    bytes: new Uint8Array(bytes.length),
    starts: new Float64Array(size + 1),
    counts: new Float64Array(size),
  };
  let at = 0;
  for (let i = 0; i < size; i++) {
    const word = order[i] as number;
    for (let from = starts[word] as number; from < (starts[word + 1] as number); from++) {
      sorted.bytes[at++] = bytes[from] as number;
    }
    sorted.starts[i + 1] = at;
    sorted.counts[i] = counts[word] as number;
  }
  return sorted;
}

/** Below this size a plain comparison sort is used (on Polish words anything from 32 to 256 takes the same time). */
const SMALL = 64;

/** Words alike in so many bytes are rare; comparing them takes less than looking at four more bytes at a time. */
const DEEP = 48;

/** Bytes of the key that is sorted natively; the other half of a 64-bit number is the word's place. */
const KEY_BYTES = 4;

/** Sorts `order`, words that agree in their first `depth` bytes. */
function sortRange(words: WordList, order: Uint32Array, depth: number): void {
  const size = order.length;
  if (size < SMALL || depth >= DEEP) {
    order.sort((a, b) => compareFrom(depth, words, a, b));
    return;
  }
  const numbers = new BigUint64Array(size);
  const halves = new Uint32Array(numbers.buffer); // low half first: every platform Node runs on is little-endian
  for (let i = 0; i < size; i++) {
    halves[2 * i] = order[i] as number;
    halves[2 * i + 1] = keyAt(words, order[i] as number, depth);
  }
  numbers.sort();

  let groupStart = 0;
  for (let i = 0; i < size; i++) {
    order[i] = halves[2 * i] as number;
    if (i + 1 < size && halves[2 * i + 3] === halves[2 * i + 1]) continue;
    if (i > groupStart) sortRange(words, order.subarray(groupStart, i + 1), depth + KEY_BYTES);
    groupStart = i + 1;
  }
}

/** The four bytes at `depth` as a big-endian number, zeros beyond the word's end. */
function keyAt({ bytes, starts }: WordList, word: number, depth: number): number {
  const end = starts[word + 1] as number;
  let at = (starts[word] as number) + depth;
  let key = 0;
  for (let i = 0; i < KEY_BYTES; i++, at++) key = (key << 8) | (at < end ? (bytes[at] as number) : 0);
  return key >>> 0;
}

function compareFrom(depth: number, { bytes, starts }: WordList, a: number, b: number): number {
  let atA = (starts[a] as number) + depth;
  let atB = (starts[b] as number) + depth;
  const endA = starts[a + 1] as number;
  const endB = starts[b + 1] as number;
  while (atA < endA && atB < endB) {
    const difference = (bytes[atA++] as number) - (bytes[atB++] as number);
    if (difference !== 0) return difference;
  }
  return endA - atA - (endB - atB);
}

/** A growing word list. */
export class WordListBuilder {
  #bytes = new Uint8Array(1 << 16);
  #starts = new Float64Array(1 << 12);
  #counts = new Float64Array(1 << 12);
  #size = 0;

  /** Appends the word `source[from, to)`. */
  add(source: Uint8Array, from: number, to: number, count: number): void {
    const start = this.#starts[this.#size] as number;
    const end = start + to - from;
    if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, new Uint8Array(Math.max(end, start * 2)));
    for (let at = start, i = from; i < to; i++, at++) this.#bytes[at] = source[i] as number;
    if (this.#size + 1 === this.#starts.length) {
      this.#starts = grown(this.#starts, new Float64Array(this.#starts.length * 2));
      this.#counts = grown(this.#counts, new Float64Array(this.#counts.length * 2));
    }
    this.#counts[this.#size] = count;
    this.#size += 1;
    this.#starts[this.#size] = end;
  }

  /** The list; it shares the builder's memory, which must not be used any more. */
  build(): WordList {
    const size = this.#size;
    return {
      size,
      bytes: this.#bytes.subarray(0, this.#starts[size]),
      starts: this.#starts.subarray(0, size + 1),
      counts: this.#counts.subarray(0, size),
    };
  }
}

function grown<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
