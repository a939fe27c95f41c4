import { closeGaps } from "./gaps.ts";
import { type LineTable, readLineTable } from "./line-table.ts";
import { type NgramBounds, readNgramBounds, repeatedNgramCharacters, topNgramCharacters } from "./ngrams.ts";
import { readNumbers } from "./numbers.ts";
import { readSigns } from "./signs.ts";
import { unlikelyShare } from "./trigrams.ts";
import { readWords, type Words } from "./words.ts";

/** What goes over every unit of a text or every word: in C++ (native/) where that was built, and else in TypeScript. */
export interface TextReader {
  readonly signs: (text: string) => number;
  readonly numbers: (text: string) => number;
  /** Bytes of the text in UTF-8. */
  readonly utf8Length: (text: string) => number;
  /** See `closeGaps`. */
  readonly closeGaps: (text: string) => string;
  readonly lines: (text: string) => LineTable;
  readonly words: (text: string) => Words;
  readonly unlikely: (text: string) => number;
  readonly ngramBounds: (words: Words) => NgramBounds;
  /** See `topNgramCharacters` and `repeatedNgramCharacters`. */
  readonly topNgram: (words: Words, n: number) => number;
  readonly repeatedNgrams: (words: Words, n: number) => number;
}

export const portableReader: TextReader = {
  signs: readSigns,
  numbers: readNumbers,
  utf8Length: (text) => Buffer.byteLength(text),
  closeGaps,
  lines: readLineTable,
  words: readWords,
  unlikely: unlikelyShare,
  ngramBounds: readNgramBounds,
  topNgram: topNgramCharacters,
  repeatedNgrams: repeatedNgramCharacters,
};
