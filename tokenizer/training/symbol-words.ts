import { codePointBuffer, type WordReader } from "./alphabet.ts";
import type { WordList } from "./word-list.ts";

/**
 * Every word as a row of symbol ids in one flat array; a row shrinks in place as its pairs are merged. What is known
 * of a row lies side by side, so that a visit to a word, mostly far from the last one, misses the cache once for it.
 */
export interface SymbolWords {
  readonly size: number;
  readonly symbols: Uint16Array | Int32Array;
  /** Word i is `symbols[start, start + length)`, `start` being `rows[ROW * i]` and `length` `rows[ROW * i + 1]`. */
  readonly rows: Int32Array;
  /** The same memory: how often word i occurs is `counts[ROW_COUNTS * i + 1]`. */
  readonly counts: Float64Array;
}

/** Int32 fields of a row: start, length, and its count as a double. */
export const ROW = 4;
/** The same in doubles. */
export const ROW_COUNTS = ROW / 2;

/** In place of the id of a character outside the alphabet. */
const NO_ID = -1;

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
  const idOf = new Int32Array(Math.max(...ids.keys(), 0) + 1).fill(NO_ID); // an array, looked into twice as fast
  for (const [codePoint, id] of ids) idOf[codePoint] = id;
  const symbols =
    vocabularySize <= 1 << 16 ? new Uint16Array(words.bytes.length) : new Int32Array(words.bytes.length);
  const counts = new Float64Array(ROW_COUNTS * words.size);
  const rows = new Int32Array(counts.buffer);
  let size = 0;
  let used = 0;
  for (let i = 0; i < words.size; i++) {
    const length = readWord(words, i, codePoints);
    let end = used;
    for (let at = 0; at < length; at++) {
      const id = idOf[codePoints[at] as number] ?? NO_ID;
      if (id !== NO_ID) symbols[end++] = id;
    }
    if (end - used < 2) continue;
    rows[ROW * size] = used;
    rows[ROW * size + 1] = end - used;
    counts[ROW_COUNTS * size + 1] = words.counts[i] as number;
    size += 1;
    used = end;
  }
  return { size, symbols: symbols.subarray(0, used), rows, counts };
}
