import { type Lines, readLines } from "./lines.ts";
import { openNativeReader } from "./native/native-reader.ts";
import type { NgramBounds } from "./ngrams.ts";
import { qualityOf } from "./quality.ts";
import { SIGN } from "./signs.ts";
import { TextLines } from "./text-lines.ts";
import { portableReader, type TextReader, type TextScan } from "./text-reader.ts";
import type { Words } from "./words.ts";

let reader: TextReader | undefined;

/** The one of this machine, made when first asked for. */
function textReader(): TextReader {
  reader ??= openNativeReader() ?? portableReader;
  return reader;
}

/** Whose text was scanned last. */
let latest: TextMeasures | undefined;

/** What steps want to know of one text, worked out when first asked for and then shared by all of them. */
export class TextMeasures {
  readonly text: string;
  #signs: number | undefined;
  #numbers: number | undefined;
  #scan: TextScan | undefined;
  #words: Words | undefined;
  #lines: Lines | undefined;
  #textLines: TextLines | undefined;
  #unlikely: number | undefined;
  #quality: number | undefined;

  /** @param signs of an earlier form of the text, when this one can have no others */
  constructor(text: string, signs?: number) {
    this.text = text;
    this.#signs = signs;
  }

  get signs(): number {
    this.#signs ??= this.#scanned().signs;
    return this.#signs;
  }

  /** Whether any of these `SIGN` bits is in the text. */
  has(signs: number): boolean {
    return (this.signs & signs) !== 0;
  }

  /** Whether the text's digits could be any of these `NUMBER` bits. */
  mayHold(numbers: number): boolean {
    this.#numbers ??= this.has(SIGN.digit) ? textReader().numbers(this.text) : 0;
    return (this.#numbers & numbers) !== 0;
  }

  get words(): Words {
    this.#words ??= textReader().words(this.text);
    return this.#words;
  }

  /** Bytes of the text in UTF-8. */
  get bytes(): number {
    return (this.#scan ?? this.#scanned()).bytes;
  }

  /** See `hasNotice`. */
  get hasNotice(): boolean {
    return textReader().hasNotice(this.text);
  }

  /** The text with its gaps closed: see `closeGaps`. */
  withoutGaps(): string {
    return textReader().closeGaps(this.text);
  }

  /** Characters covered by the n-gram of so many words that covers most. */
  topNgram(n: number): number {
    return textReader().topNgram(this.words, n);
  }

  /** Characters in n-grams of so many words that stood in the text before. */
  repeatedNgrams(n: number): number {
    return textReader().repeatedNgrams(this.words, n);
  }

  /** See `readNgramBounds`; valid until those of another text are asked for. */
  get ngramBounds(): NgramBounds {
    return textReader().ngramBounds(this.words);
  }

  /** The text's lines one by one; for the sums of their shapes see `lines`. */
  get textLines(): TextLines {
    this.#textLines ??= new TextLines(this.text, this.#scanned().lines);
    return this.#textLines;
  }

  get lines(): Lines {
    this.#lines ??= readLines(this.textLines);
    return this.#lines;
  }

  /** The table of lines is lost when another text is scanned. */
  #scanned(): TextScan {
    if (this.#scan === undefined || latest !== this) this.#scan = textReader().scan(this.text);
    latest = this;
    return this.#scan;
  }

  /** See `unlikelyShare`. */
  get unlikely(): number {
    this.#unlikely ??= textReader().unlikely(this.text);
    return this.#unlikely;
  }

  /** See `qualityOf`. */
  get quality(): number {
    this.#quality ??= qualityOf(this);
    return this.#quality;
  }
}
