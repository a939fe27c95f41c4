import { type Lines, readLines } from "./lines.ts";
import { readNumbers } from "./numbers.ts";
import { qualityOf } from "./quality.ts";
import { readSigns, SIGN } from "./signs.ts";
import { unlikelyShare } from "./trigrams.ts";
import { readWords, type Words } from "./words.ts";

/** What steps want to know of one text, worked out when first asked for and then shared by all of them. */
export class TextMeasures {
  readonly text: string;
  #signs: number | undefined;
  #numbers: number | undefined;
  #words: Words | undefined;
  #lines: Lines | undefined;
  #splitLines: readonly string[] | undefined;
  #unlikely: number | undefined;
  #quality: number | undefined;

  /** @param signs of an earlier form of the text, when this one can have no others */
  constructor(text: string, signs?: number) {
    this.text = text;
    this.#signs = signs;
  }

  get signs(): number {
    this.#signs ??= readSigns(this.text);
    return this.#signs;
  }

  /** Whether any of these `SIGN` bits is in the text. */
  has(signs: number): boolean {
    return (this.signs & signs) !== 0;
  }

  /** Whether the text's digits could be any of these `NUMBER` bits. */
  mayHold(numbers: number): boolean {
    this.#numbers ??= this.has(SIGN.digit) ? readNumbers(this.text) : 0;
    return (this.#numbers & numbers) !== 0;
  }

  get words(): Words {
    this.#words ??= readWords(this.text);
    return this.#words;
  }

  /** The text's lines; for what is told of their shapes see `lines`. */
  get splitLines(): readonly string[] {
    this.#splitLines ??= this.text.split("\n");
    return this.#splitLines;
  }

  get lines(): Lines {
    this.#lines ??= readLines(this.text);
    return this.#lines;
  }

  /** See `unlikelyShare`. */
  get unlikely(): number {
    this.#unlikely ??= unlikelyShare(this.text);
    return this.#unlikely;
  }

  /** See `qualityOf`. */
  get quality(): number {
    this.#quality ??= qualityOf(this);
    return this.#quality;
  }
}
