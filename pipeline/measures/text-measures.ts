import { type Lines, readLines } from "./lines.ts";
import { qualityOf } from "./quality.ts";
import { readSigns, signsOfShortened } from "./signs.ts";
import { unlikelyShare } from "./trigrams.ts";
import { readWords, type Words } from "./words.ts";

/** What steps want to know of one text, worked out when first asked for and then shared by all of them. */
export class TextMeasures {
  readonly text: string;
  #signs: number | undefined;
  #words: Words | undefined;
  #lines: Lines | undefined;
  #unlikely: number | undefined;
  #quality: number | undefined;

  /** @param signs of an earlier form of the text, when this one can have no others */
  constructor(text: string, signs?: number) {
    this.text = text;
    this.#signs = signs === undefined ? undefined : signsOfShortened(signs);
  }

  get signs(): number {
    this.#signs ??= readSigns(this.text);
    return this.#signs;
  }

  /** Whether any of these `SIGN` bits is in the text. */
  has(signs: number): boolean {
    return (this.signs & signs) !== 0;
  }

  get words(): Words {
    this.#words ??= readWords(this.text);
    return this.#words;
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
