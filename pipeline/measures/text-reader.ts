import { type LineTable, readLineTable } from "./line-table.ts";
import { type NgramBounds, readNgramBounds } from "./ngrams.ts";
import { readSigns } from "./signs.ts";
import { unlikelyShare } from "./trigrams.ts";
import { readWords, type Words } from "./words.ts";

/** What goes over every unit of a text or every word: in C++ (native/) where that was built, and else in TypeScript. */
export interface TextReader {
  readonly signs: (text: string) => number;
  readonly lines: (text: string) => LineTable;
  readonly words: (text: string) => Words;
  readonly unlikely: (text: string) => number;
  readonly ngramBounds: (words: Words) => NgramBounds;
}

export const portableReader: TextReader = {
  signs: readSigns,
  lines: readLineTable,
  words: readWords,
  unlikely: unlikelyShare,
  ngramBounds: readNgramBounds,
};
