import type { BpeModel } from "./bpe-model.ts";
import { HOT_FIELDS } from "./hot-words.ts";
import { type PreTokenization, wordScanner } from "./pre-tokenizer.ts";
import type { TokenIds } from "./token-ids.ts";
import { type TextBytes, WordCache } from "./word-cache.ts";

/** Cuts texts into words and turns these into ids. One belongs to one thread: it keeps a cache between calls. */
export interface WordEncoder {
  /**
   * Writes the ids of `text.bytes[start, end)` to `ids[at…]`, which has room for an id a byte and `SPARE_IDS` more.
   *
   * @param text READ_AHEAD bytes after `end` are there, and zero
   * @returns how many ids there are then, or -1 when the text is not UTF-8 and this encoder takes nothing else
   */
  encode(text: TextBytes, start: number, end: number, ids: TokenIds, at: number): number;
}

/** What words are encoded with. */
export interface WordEncoderOptions {
  readonly model: BpeModel;
  readonly preTokenization: PreTokenization;
  /** Ids may exceed 65,535. */
  readonly wide: boolean;
  /** Words the cache holds before it starts anew. */
  readonly cachedWords: number;
}

/** Makes an encoder, or answers undefined where it does not implement what is asked. */
export type MakeWordEncoder = (options: WordEncoderOptions) => WordEncoder | undefined;

/** Bytes that can be read after a text: the compiled encoder looks at blocks of 64, and at 16 bytes of every word. */
export const READ_AHEAD = 64 + 16;

/** Ids that can be written after the last one: some are written several at once. */
export const SPARE_IDS = 4;

let compiled: MakeWordEncoder | undefined;

/** Gives a faster encoder for the texts to come, which must make the same ids; undefined takes it back. */
export function provideWordEncoder(make: MakeWordEncoder | undefined): void {
  compiled = make;
}

/** The fastest encoder there is for these options. */
export function makeWordEncoder(options: WordEncoderOptions): WordEncoder {
  return compiled?.(options) ?? new CachedWordEncoder(options);
}

const FIELDS = HOT_FIELDS; // see word-cache.ts

/** In plain TypeScript, for every design of this engine, also in browsers. */
class CachedWordEncoder implements WordEncoder {
  readonly #cache: WordCache;
  readonly #wide: boolean;

  constructor({ model, preTokenization, wide, cachedWords }: WordEncoderOptions) {
    this.#cache = new WordCache(model, wordScanner(preTokenization), wide, cachedWords);
    this.#wide = wide;
  }

  encode(text: TextBytes, start: number, end: number, ids: TokenIds, at: number): number {
    let count = at;
    for (let from = start; from < end; ) {
      from = this.#cache.lookUp(text, from, end);
      count = this.#appendIds(ids, count);
    }
    return count;
  }

  /** Appends the ids of the words looked up last. */
  #appendIds(ids: TokenIds, at: number): number {
    const narrow = !this.#wide;
    const { places, slots, stored, words } = this.#cache;
    let count = at;
    for (let i = 0; i < words; i++) {
      const place = (places[i] as number) + FIELDS;
      const made = slots[place] as number;
      const first = slots[place + 1] as number;
      const second = slots[place + 2] as number;
      if (narrow && made <= 4) {
        ids[count] = first;
        ids[count + 1] = first >>> 16;
        ids[count + 2] = second;
        ids[count + 3] = second >>> 16;
      } else if (!narrow && made <= 2) {
        ids[count] = first;
        ids[count + 1] = second;
      } else {
        for (let k = 0; k < made; k++) ids[count + k] = stored[first + k] as number;
      }
      count += made;
    }
    return count;
  }
}
