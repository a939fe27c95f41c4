import { type LineTable, readLineTable } from "./line-table.ts";
import { openNativeReader } from "./native/native-reader.ts";
import { type NgramBounds, readNgramBounds } from "./ngrams.ts";
import { readSigns } from "./signs.ts";
import { unlikelyShare } from "./trigrams.ts";
import { readWords, type Words } from "./words.ts";

/** What goes over every unit of a text or every word: in C++ where that was built, and else in TypeScript. */
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

let reader: TextReader | undefined;

/** The one of this machine, made when first asked for. */
export function textReader(): TextReader {
  reader ??= openNativeReader() ?? portableReader;
  return reader;
}
