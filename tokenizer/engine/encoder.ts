import type { BpeModel } from "./bpe-model.ts";
import { type PreTokenization, prependsSpace, SPACE } from "./pre-tokenizer.ts";
import { allocateIds, type TokenIds, withRoom } from "./token-ids.ts";
import type { TextBytes } from "./word-cache.ts";
import { makeWordEncoder, READ_AHEAD, SPARE_IDS, type WordEncoder } from "./word-encoder.ts";

export type { TokenIds } from "./token-ids.ts";

/**
 * Words the cache holds before it starts anew: 2^20 of them take 64 MB. 50 MB of Polish prose have 680 thousand
 * different words; with half as many the cache was emptied on every pass, and warm speed fell to cold speed.
 */
const CACHED_WORDS = 2 ** 20;

const utf8 = new TextEncoder();
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Turns text into ids, word by word, through a cache of the words met before. Nothing in the loop makes a string or
 * an object. One encoder is one thread's: it keeps its buffers between calls.
 */
export class BpeEncoder {
  readonly #preTokenization: PreTokenization;
  readonly #wide: boolean;
  readonly #words: WordEncoder;
  /** The text being encoded, from byte 1 on; byte 0 is free for the "▁" put before it. */
  readonly #text: TextBytes = withView(new Uint8Array(1 << 16));
  #ids: TokenIds;
  #length = 0;

  /** @param wide ids may exceed 65,535 */
  constructor(model: BpeModel, preTokenization: PreTokenization, wide: boolean, cachedWords = CACHED_WORDS) {
    this.#preTokenization = preTokenization;
    this.#wide = wide;
    this.#words = makeWordEncoder({ model, preTokenization, wide, cachedWords });
    this.#ids = allocateIds(1 << 16, wide);
  }

  /** Number of ids since the last `take` or `reset`. */
  get length(): number {
    return this.#length;
  }

  /** The ids so far, as a copy; the encoder starts anew. */
  take(): TokenIds {
    const ids = this.#ids.slice(0, this.#length);
    this.#length = 0;
    return ids;
  }

  /** Drops the ids so far. */
  reset(): void {
    this.#length = 0;
  }

  /** Appends one id. */
  push(id: number): void {
    this.#ids = withRoom(this.#ids, this.#length, 1, this.#wide);
    this.#ids[this.#length++] = id;
  }

  /**
   * Encodes a piece of text; special tokens in it are ordinary text. Lone surrogates count as U+FFFD.
   *
   * @param atStart whether the piece begins the whole text, which prepend scheme "first" asks
   */
  pushText(text: string, atStart: boolean): void {
    this.#makeRoom(text.length * 3);
    const { written } = utf8.encodeInto(text, this.#text.bytes.subarray(1));
    this.#encode(written, atStart);
  }

  /**
   * The same for UTF-8. What is not UTF-8 counts as U+FFFD, as TextDecoder has it, where words are of characters;
   * where they are of bytes it must not occur.
   */
  pushUtf8(text: Uint8Array, atStart: boolean): void {
    this.#makeRoom(text.length);
    this.#text.bytes.set(text, 1);
    this.#encode(text.length, atStart);
  }

  #encode(length: number, atStart: boolean): void {
    if (length === 0) return;
    const { bytes } = this.#text;
    const end = length + 1;
    bytes.fill(0, end, end + READ_AHEAD);
    bytes[0] = SPACE;
    const start = prependsSpace(this.#preTokenization, bytes, 1, atStart) ? 0 : 1;
    // Every byte makes at most one id, an unknown "▁" excepted, which BPE tokenizers of this engine do not have
    this.#ids = withRoom(this.#ids, this.#length, end - start + SPARE_IDS, this.#wide);
    const count = this.#words.encode(this.#text, start, end, this.#ids, this.#length);
    if (count >= 0) this.#length = count;
    else this.pushText(lenientUtf8.decode(bytes.subarray(1, end)), atStart);
  }

  #makeRoom(length: number): void {
    const needed = 1 + length + READ_AHEAD;
    if (needed <= this.#text.bytes.length) return;
    Object.assign(this.#text, withView(new Uint8Array(needed + (needed >> 1))));
  }
}

const withView = (bytes: Uint8Array<ArrayBuffer>): TextBytes => ({ bytes, view: new DataView(bytes.buffer) });
