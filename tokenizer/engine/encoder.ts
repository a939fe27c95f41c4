import type { BpeModel } from "./bpe-model.ts";
import type { Encoder } from "./engine.ts";
import { HOT_FIELDS, HOT_READ_AHEAD } from "./hot-words.ts";
import { type PreTokenization, prependsSpace, SPACE, wordScanner } from "./pre-tokenizer.ts";
import { GrowingIds, type TokenIds } from "./token-ids.ts";
import { type TextBytes, WordCache } from "./word-cache.ts";

export type { TokenIds } from "./token-ids.ts";

/**
 * Words the cache holds before it starts anew: 2^20 of them take 64 MB. 50 MB of Polish prose have 680 thousand
 * different words; with half as many the cache was emptied on every pass, and warm speed fell to cold speed.
 */
export const CACHED_WORDS = 2 ** 20;

const FIELDS = HOT_FIELDS; // see word-cache.ts
const utf8 = new TextEncoder();

/**
 * Turns text into ids, word by word, through a cache of the words met before. Nothing in the loop makes a string or
 * an object. One encoder is one thread's: it keeps its buffers between calls.
 */
export class BpeEncoder implements Encoder {
  readonly name = "apt3";
  readonly #preTokenization: PreTokenization;
  readonly #wide: boolean;
  readonly #cache: WordCache;
  /** The text being encoded, from byte 1 on; byte 0 is free for the "▁" put before it. */
  readonly #text: TextBytes = withView(new Uint8Array(1 << 16));
  readonly #ids: GrowingIds;

  /** @param wide ids may exceed 65,535 */
  constructor(model: BpeModel, preTokenization: PreTokenization, wide: boolean, cachedWords = CACHED_WORDS) {
    this.#preTokenization = preTokenization;
    this.#wide = wide;
    this.#cache = new WordCache(model, wordScanner(preTokenization), wide, cachedWords);
    this.#ids = new GrowingIds(wide);
  }

  get length(): number {
    return this.#ids.length;
  }

  take(): TokenIds {
    return this.#ids.take();
  }

  reset(): void {
    this.#ids.length = 0;
  }

  push(id: number): void {
    this.#ids.push(id);
  }

  pushText(text: string, atStart: boolean): void {
    this.#makeRoom(text.length * 3);
    const { written } = utf8.encodeInto(text, this.#text.bytes.subarray(1));
    this.#encode(written, atStart, 1);
  }

  pushUtf8(text: Uint8Array, atStart: boolean): void {
    this.#makeRoom(text.length);
    this.#text.bytes.set(text, 1);
    // A byte that is not UTF-8 becomes U+FFFD, and with byte fallback the three bytes of that
    this.#encode(text.length, atStart, 3);
  }

  /** @param idsPerByte as many as a byte can make; an unknown "▁" would make more, but no tokenizer of this engine lacks it */
  #encode(length: number, atStart: boolean, idsPerByte: number): void {
    if (length === 0) return;
    const { bytes } = this.#text;
    const end = length + 1;
    bytes.fill(0, end, end + HOT_READ_AHEAD);
    bytes[0] = SPACE;
    let start = prependsSpace(this.#preTokenization, bytes, 1, atStart) ? 0 : 1;
    this.#ids.reserve((end - start) * idsPerByte + 4); // up to four ids are written at once
    while (start < end) {
      start = this.#cache.lookUp(this.#text, start, end);
      this.#appendIds();
    }
  }

  /** Appends the ids of the words looked up last. */
  #appendIds(): void {
    const narrow = !this.#wide;
    const { places, slots, stored, words } = this.#cache;
    const ids = this.#ids.array;
    let count = this.#ids.length;
    for (let i = 0; i < words; i++) {
      const at = (places[i] as number) + FIELDS;
      const made = slots[at] as number;
      const first = slots[at + 1] as number;
      const second = slots[at + 2] as number;
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
    this.#ids.length = count;
  }

  #makeRoom(length: number): void {
    const needed = 1 + length + HOT_READ_AHEAD;
    if (needed <= this.#text.bytes.length) return;
    Object.assign(this.#text, withView(new Uint8Array(needed + (needed >> 1))));
  }
}

const withView = (bytes: Uint8Array<ArrayBuffer>): TextBytes => ({ bytes, view: new DataView(bytes.buffer) });
