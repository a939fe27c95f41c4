import { type FoundAddon, loadAddon } from "../../../native/load.ts";
import { FEW_POLISH_LETTERS, lineUnits, roomForLines } from "../line-table.ts";
import { roomForBounds } from "../ngrams.ts";
import { NUMBER } from "../numbers.ts";
import { SIGN, signTable } from "../signs.ts";
import type { TextReader } from "../text-reader.ts";
import { sampleOf, trigramTables } from "../trigrams.ts";
import { textOfUnits, unitsOf, unitsToChange } from "../units.ts";
import { COUNTS, roomForWords, wordsOf, wordTables } from "../words.ts";

/** A handle to a native object. */
declare const readerBrand: unique symbol;
interface NativeHandle {
  readonly [readerBrand]: true;
}

type CountNgrams = (
  reader: NativeHandle,
  hashes: Uint32Array,
  lengths: Uint16Array,
  words: number,
  n: number,
) => number;

/** What pipeline/measures/native/addon.cpp exports; units are those of units.ts, their margins included. */
interface Addon {
  open(tables: object): NativeHandle;
  /** Fills `found` with the text's signs, its bytes and its lines; of these, as many as there is room for are written. */
  scan(
    reader: NativeHandle,
    units: Uint16Array,
    length: number,
    starts: Uint32Array,
    lineSigns: Uint8Array,
    found: Float64Array,
  ): void;
  numbers(reader: NativeHandle, units: Uint16Array, length: number): number;
  hasNotice(units: Uint16Array, length: number): boolean;
  /** Changes the units and returns the length the text has then. */
  closeGaps(units: Uint16Array, length: number): number;
  words(
    reader: NativeHandle,
    units: Uint16Array,
    length: number,
    hashes: Uint32Array,
    lengths: Uint16Array,
    counts: Uint32Array,
  ): void;
  /** Adds the triples from `start` to `end` to `share`: the unlikely ones, and all. */
  trigrams(reader: NativeHandle, units: Uint16Array, start: number, end: number, share: Uint32Array): void;
  ngramBounds(
    reader: NativeHandle,
    hashes: Uint32Array,
    lengths: Uint16Array,
    words: number,
    top: Float64Array,
    repeated: Float64Array,
  ): void;
  topNgram: CountNgrams;
  repeatedNgrams: CountNgrams;
}

/** Why there is no native reader here; undefined if there is one. */
export function nativeReaderUnavailable(): string | undefined {
  const found = findAddon("");
  return "reason" in found ? found.reason : undefined;
}

const findAddon = (variant: "" | "sanitize"): FoundAddon<Addon> =>
  loadAddon<Addon>("measures", "pipeline/measures/native", variant);

/**
 * The reader in C++; undefined where the addon was not built.
 *
 * @param variant `sanitize` is the build of `npm run check:sanitize`
 */
export function openNativeReader(variant: "" | "sanitize" = ""): TextReader | undefined {
  const found = findAddon(variant);
  if ("reason" in found) return undefined;
  const { addon } = found;
  const { untidy, looseMark, looseQuote, spacedLetter, gluedHeading } = SIGN;
  const reader = addon.open({
    signs: signTable(),
    ...{ untidy, looseMark, looseQuote, spacedLetter, gluedHeading },
    lineUnits: lineUnits(),
    fewPolish: FEW_POLISH_LETTERS,
    numbers: NUMBER,
    ...wordTables(),
    ...trigramTables(),
  });
  const counts = new Uint32Array(COUNTS);
  const share = new Uint32Array(2);
  const figures = new Float64Array(3);
  return {
    scan(text) {
      const units = unitsOf(text);
      let room = roomForLines(2);
      addon.scan(reader, units, text.length, room.starts, room.signs, figures);
      const [signs = 0, bytes = 0, count = 0] = figures;
      if (count >= room.starts.length) {
        room = roomForLines(count + 1);
        addon.scan(reader, units, text.length, room.starts, room.signs, figures);
      }
      room.starts[count] = text.length + 1;
      return { signs, bytes, lines: { count, ...room } };
    },
    numbers: (text) => addon.numbers(reader, unitsOf(text), text.length),
    hasNotice: (text) => addon.hasNotice(unitsOf(text), text.length),
    closeGaps(text) {
      const units = unitsToChange(text);
      return textOfUnits(addon.closeGaps(units, text.length));
    },
    words(text) {
      const room = roomForWords(text);
      addon.words(reader, unitsOf(text), text.length, room.hashes, room.lengths, counts);
      return wordsOf(room, counts);
    },
    unlikely(text) {
      const units = unitsOf(text);
      share.fill(0);
      for (const [start, end] of sampleOf(text.length)) addon.trigrams(reader, units, start, end, share);
      return (share[0] as number) / Math.max(share[1] as number, 1);
    },
    ngramBounds({ hashes, lengths, count }) {
      addon.ngramBounds(reader, hashes, lengths, count, roomForBounds.top, roomForBounds.repeated);
      return roomForBounds;
    },
    topNgram: ({ hashes, lengths, count }, n) => addon.topNgram(reader, hashes, lengths, count, n),
    repeatedNgrams: ({ hashes, lengths, count }, n) =>
      addon.repeatedNgrams(reader, hashes, lengths, count, n),
  };
}
