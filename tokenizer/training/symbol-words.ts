import { codePointBuffer, type WordReader } from "./alphabet.ts";
import type { WordList } from "./word-list.ts";

/** Every word as a row of symbol ids in one flat array; a row shrinks in place as its pairs are merged. */
export interface SymbolWords {
  readonly size: number;
  /** Word i is `symbols[starts[i], starts[i] + lengths[i])`. */
  readonly symbols: Uint16Array | Int32Array;
  readonly starts: Float64Array;
  readonly lengths: Int32Array;
  readonly counts: Float64Array;
}

/**
 * Words as symbols. Characters outside the alphabet are left out and their neighbours become adjacent, as in the
 * reference; words left with fewer than two symbols have nothing to merge and are left out too.
 *
 * @param ids the id of each code point of the alphabet
 * @param readWord how the bytes of a word are characters
 * @param vocabularySize upper bound of all ids to come; decides the width of a symbol
 */
export function toSymbolWords(
  words: WordList,
  ids: ReadonlyMap<number, number>,
  vocabularySize: number,
  readWord: WordReader,
): SymbolWords {
  const codePoints = codePointBuffer(words);
  const symbols =
    vocabularySize <= 1 << 16 ? new Uint16Array(words.bytes.length) : new Int32Array(words.bytes.length);
  const starts = new Float64Array(words.size);
  const lengths = new Int32Array(words.size);
  const counts = new Float64Array(words.size);
  let size = 0;
  let used = 0;
  for (let i = 0; i < words.size; i++) {
    const length = readWord(words, i, codePoints);
    let end = used;
    for (let at = 0; at < length; at++) {
      const id = ids.get(codePoints[at] as number);
      if (id !== undefined) symbols[end++] = id;
    }
    if (end - used < 2) continue;
    starts[size] = used;
    lengths[size] = end - used;
    counts[size] = words.counts[i] as number;
    size += 1;
    used = end;
  }
  return { size, symbols: symbols.subarray(0, used), starts, lengths, counts };
}
