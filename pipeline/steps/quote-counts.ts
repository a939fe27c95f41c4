const NEWLINE = 10;
const QUOTE = 34;

/**
 * Counts the straight quotes of a text line by line, for places that are asked for in rising order: each line is read once,
 * where counting anew for every quote would take the square of a line's length.
 */
export class QuoteCounts {
  readonly #text: string;
  /** Up to here the line's quotes are counted in `#before`. */
  #at = 0;
  #before = 0;
  /** Where the line ends whose quotes were counted last, and how many they are. */
  #end = -1;
  #inLine = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Quotes between a place and the beginning of its line. */
  before(place: number): number {
    for (; this.#at < place; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === NEWLINE) this.#before = 0;
      else if (unit === QUOTE) this.#before += 1;
    }
    return this.#before;
  }

  /** Quotes in the line of a place. */
  inLine(place: number): number {
    if (place >= this.#end) {
      this.#inLine = this.before(place);
      let end = place;
      for (; end < this.#text.length && this.#text.charCodeAt(end) !== NEWLINE; end++)
        if (this.#text.charCodeAt(end) === QUOTE) this.#inLine += 1;
      this.#end = end;
    }
    return this.#inLine;
  }
}
