import type { BpeModel } from "./bpe-model.ts";
import { type PreTokenization, prependsSpace, SPACE, wordScanner } from "./pre-tokenizer.ts";
import { SCAN_AHEAD, type WordScanner } from "./split-pattern.ts";

/** Ids, and of each the part of the text it stands for: start and end in UTF-16 units, two numbers an id. */
export interface LocatedIds {
  readonly ids: number[];
  readonly offsets: number[];
}

const utf8 = new TextEncoder();

/**
 * Encodes text and says where each id comes from. It goes word by word without a cache, at a fraction of the other
 * encoder's speed. As in the reference, the space put before a text
 * stands for its first character, and every byte of a character for all of it.
 */
export class OffsetEncoder {
  readonly #model: BpeModel;
  readonly #preTokenization: PreTokenization;
  readonly #scan: WordScanner;

  constructor(model: BpeModel, preTokenization: PreTokenization) {
    this.#model = model;
    this.#preTokenization = preTokenization;
    this.#scan = wordScanner(preTokenization);
  }

  /**
   * Appends the ids of a piece of text.
   *
   * @param origin where the piece lies in the whole text, in UTF-16 units
   */
  push(text: string, origin: number, into: LocatedIds): void {
    if (text === "") return;
    const bytes = new Uint8Array(1 + text.length * 3 + SCAN_AHEAD);
    const { written } = utf8.encodeInto(text, bytes.subarray(1));
    const end = written + 1;
    bytes[0] = SPACE;
    const units = unitsOf(bytes, end);
    let start = prependsSpace(this.#preTokenization, bytes, 1, origin === 0) ? 0 : 1;
    while (start < end) {
      const wordEnd = this.#scan(bytes, start, end);
      const { starts, ends } = this.#model.locateWord(bytes, start, wordEnd, into.ids);
      for (let i = 0; i < starts.length; i++) {
        const from = starts[i] as number;
        const to = ends[i] as number;
        into.offsets.push(origin + (units.first[from] as number), origin + (units.after[to - 1] as number));
      }
      start = wordEnd;
    }
  }
}

/** Of each byte's character: its first UTF-16 unit, and the one after it. Byte 0 is the space put before the text. */
function unitsOf(bytes: Uint8Array, end: number): { first: Int32Array; after: Int32Array } {
  const first = new Int32Array(end);
  const after = new Int32Array(end);
  let unit = 0;
  for (let at = 1; at < end; ) {
    const lead = bytes[at] as number;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const units = length === 4 ? 2 : 1;
    first.fill(unit, at, at + length);
    after.fill(unit + units, at, at + length);
    unit += units;
    at += length;
  }
  after[0] = after[1] as number;
  return { first, after };
}
