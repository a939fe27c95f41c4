import { closeGaps } from "./gaps.ts";
import { type LineTable, readLineTable } from "./line-table.ts";
import { type NgramBounds, readNgramBounds, repeatedNgramCharacters, topNgramCharacters } from "./ngrams.ts";
import { hasNotice } from "./notices.ts";
import { readNumbers } from "./numbers.ts";
import { readSigns } from "./signs.ts";
import { unlikelyShare } from "./trigrams.ts";
import { readWords, type Words } from "./words.ts";

/** What most steps ask first of a text. */
export interface TextScan {
  /** Bits of `SIGN`. */
  readonly signs: number;
  /** Bytes of the text in UTF-8. */
  readonly bytes: number;
  readonly lines: LineTable;
}

/** What goes over every unit of a text or every word: in C++ (native/) where that was built, and else in TypeScript. */
export interface TextReader {
  readonly scan: (text: string) => TextScan;
  readonly numbers: (text: string) => number;
  readonly hasNotice: (text: string) => boolean;
  /** See `closeGaps`. */
  readonly closeGaps: (text: string) => string;
  readonly words: (text: string) => Words;
  readonly unlikely: (text: string) => number;
  readonly ngramBounds: (words: Words) => NgramBounds;
  /** See `topNgramCharacters` and `repeatedNgramCharacters`. */
  readonly topNgram: (words: Words, n: number) => number;
  readonly repeatedNgrams: (words: Words, n: number) => number;
}

export const portableReader: TextReader = {
  scan: (text) => ({ signs: readSigns(text), bytes: Buffer.byteLength(text), lines: readLineTable(text) }),
  numbers: readNumbers,
  hasNotice,
  closeGaps,
  words: readWords,
  unlikely: unlikelyShare,
  ngramBounds: readNgramBounds,
  topNgram: topNgramCharacters,
  repeatedNgrams: repeatedNgramCharacters,
};
