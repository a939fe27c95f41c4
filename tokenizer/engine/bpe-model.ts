import { type BpeModelOptions, readBpeTables } from "./bpe-tables.ts";
import { BYTE_LETTER_CODES } from "./byte-level.ts";
import { mergeSymbols } from "./merge-symbols.ts";
import { MergeTable } from "./merge-table.ts";
import { METASPACE, SPACE } from "./pre-tokenizer.ts";
import { decodeCodePoints } from "./utf8.ts";

const utf8 = new TextEncoder();

/** Code points below this have their id in an array, the others in a map. */
const DIRECT = 0x3000;

/** Byte-pair encoding of single words. */
export class BpeModel {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #options: BpeModelOptions;
  readonly #merges: MergeTable;
  readonly #unkId: number | undefined;
  /** Id + 1 of the characters that are tokens, 0 for others. */
  readonly #direct = new Int32Array(DIRECT);
  readonly #others = new Map<number, number>();
  /** Ids of the 256 byte tokens, -1 where there is none; empty without byte fallback. */
  readonly #byteIds: Int32Array;
  readonly #symbolCounts: SymbolCounts;
  #wholeWord = false;
  #codePoints = new Int32Array(256);
  /** Ids of the word encoded last. */
  symbols: Int32Array = new Int32Array(256 * 3);

  /** @param merges in order of rank; tokens and the tokens they make must be in `ids` */
  constructor(
    ids: ReadonlyMap<string, number>,
    merges: readonly (readonly [string, string])[],
    options: BpeModelOptions,
  ) {
    this.#ids = ids;
    this.#options = options;
    const tables = readBpeTables(ids, merges, options);
    this.#merges = new MergeTable(tables.merges);
    this.#symbolCounts = new SymbolCounts(tables.merges);
    this.#unkId = tables.unknownId < 0 ? undefined : tables.unknownId;
    this.#byteIds = tables.byteIds;
    for (let i = 0; i < tables.characters.length; i += 2) {
      const codePoint = tables.characters[i] as number;
      const id = tables.characters[i + 1] as number;
      if (codePoint < DIRECT) this.#direct[codePoint] = id + 1;
      else this.#others.set(codePoint, id + 1);
    }
  }

  /**
   * Encodes one word; a space in it stands for "▁". The ids are left in `symbols`.
   *
   * @returns how many ids there are
   */
  encodeWord(bytes: Uint8Array, start: number, end: number): number {
    const room = end - start;
    if (room > this.#codePoints.length) {
      this.#codePoints = new Int32Array(room * 2);
      this.symbols = new Int32Array(room * 6);
    }
    const length = this.#readCharacters(bytes, start, end);
    this.#wholeWord = false;
    if (this.#options.ignoreMerges) {
      const whole = this.#ids.get(this.#wordText(length));
      if (whole !== undefined) {
        this.symbols[0] = whole;
        this.#wholeWord = true;
        return 1;
      }
    }
    return mergeSymbols(this.symbols, this.#toSymbols(length), this.#merges);
  }

  /**
   * Encodes one word and says which of its bytes each id stands for.
   *
   * @param into receives the ids
   * @returns where each of these ids starts and ends
   */
  locateWord(
    bytes: Uint8Array,
    start: number,
    end: number,
    into: number[],
  ): { starts: number[]; ends: number[] } {
    const made = this.encodeWord(bytes, start, end);
    const ids = this.symbols.slice(0, made);
    into.push(...ids);
    if (this.#wholeWord) return { starts: [start], ends: [end] };
    const spans = this.#symbolSpans(bytes, start, end);
    const starts: number[] = [];
    const ends: number[] = [];
    let symbol = 0;
    for (const id of ids) {
      const last = symbol + this.#symbolCounts.of(id) - 1;
      starts.push(spans[symbol]?.[0] ?? start);
      ends.push(spans[last]?.[1] ?? end);
      symbol = last + 1;
    }
    return { starts, ends };
  }

  /** Bytes of each symbol `#toSymbols` makes of a word before merging. */
  #symbolSpans(bytes: Uint8Array, start: number, end: number): [number, number][] {
    const length = this.#readCharacters(bytes, start, end);
    const spans: [number, number][] = [];
    let unknown: [number, number] | undefined;
    let at = start;
    for (let i = 0; i < length; i++) {
      const codePoint = this.#codePoints[i] as number;
      const from = at;
      at += this.#options.byteLevel ? 1 : byteLength(codePoint);
      const fallback =
        this.#isKnown(codePoint) || !this.#options.byteFallback ? undefined : this.#bytesOf(codePoint);
      if (this.#isKnown(codePoint)) {
        if (unknown !== undefined) spans.push(unknown);
        unknown = undefined;
        spans.push([from, at]);
      } else if (fallback !== undefined) {
        for (const _ of fallback) spans.push([from, at]);
      } else if (this.#unkId !== undefined) {
        if (unknown !== undefined && !this.#options.fuseUnk) spans.push(unknown);
        unknown = [unknown !== undefined && this.#options.fuseUnk ? unknown[0] : from, at];
      }
    }
    if (unknown !== undefined) spans.push(unknown);
    return spans;
  }

  #isKnown(codePoint: number): boolean {
    return codePoint < DIRECT ? this.#direct[codePoint] !== 0 : this.#others.has(codePoint);
  }

  #readCharacters(bytes: Uint8Array, start: number, end: number): number {
    if (!this.#options.byteLevel) return decodeCodePoints(bytes, start, end, this.#codePoints);
    for (let at = start; at < end; at++) {
      this.#codePoints[at - start] = BYTE_LETTER_CODES[bytes[at] as number] as number;
    }
    return end - start;
  }

  #toSymbols(length: number): number {
    const symbols = this.symbols;
    let count = 0;
    let pendingUnk = false; // the reference holds an unknown back until the next known character, past byte tokens
    for (let i = 0; i < length; i++) {
      const codePoint = this.#codePoints[i] as number;
      const known =
        codePoint < DIRECT ? (this.#direct[codePoint] as number) : (this.#others.get(codePoint) ?? 0);
      if (known !== 0) {
        if (pendingUnk) symbols[count++] = this.#unkId as number;
        pendingUnk = false;
        symbols[count++] = known - 1;
        continue;
      }
      const bytes = this.#options.byteFallback ? this.#bytesOf(codePoint) : undefined;
      if (bytes !== undefined) {
        for (const id of bytes) symbols[count++] = id;
      } else if (this.#unkId !== undefined) {
        if (pendingUnk && !this.#options.fuseUnk) symbols[count++] = this.#unkId;
        pendingUnk = true;
      }
    }
    if (pendingUnk) symbols[count++] = this.#unkId as number;
    return count;
  }

  #bytesOf(codePoint: number): number[] | undefined {
    const character = this.#character(codePoint);
    const ids: number[] = [];
    for (const byte of utf8.encode(character)) {
      const id = this.#byteIds[byte];
      if (id === undefined || id < 0) return undefined;
      ids.push(id);
    }
    return ids;
  }

  #wordText(length: number): string {
    let text = "";
    for (let i = 0; i < length; i++) {
      const codePoint = this.#codePoints[i] as number;
      text += this.#character(codePoint);
    }
    return text;
  }

  #character(codePoint: number): string {
    return codePoint === SPACE && !this.#options.byteLevel ? METASPACE : String.fromCodePoint(codePoint);
  }
}

/** How many symbols a token is merged from. */
class SymbolCounts {
  readonly #merges: Int32Array;
  /** Where in the merges the last one is that makes this token. */
  readonly #places = new Map<number, number>();
  readonly #counts = new Map<number, number>();

  /** @param merges left, right and merged id of each */
  constructor(merges: Int32Array) {
    this.#merges = merges;
    for (let at = 0; at < merges.length; at += 3) this.#places.set(merges[at + 2] as number, at);
  }

  of(id: number): number {
    const known = this.#counts.get(id);
    if (known !== undefined) return known;
    this.#counts.set(id, 1); // also what a token is that would be part of itself
    const at = this.#places.get(id);
    if (at !== undefined) {
      this.#counts.set(id, this.of(this.#merges[at] as number) + this.of(this.#merges[at + 1] as number));
    }
    return this.#counts.get(id) as number;
  }
}

const byteLength = (codePoint: number) =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
