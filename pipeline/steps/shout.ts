import { EDGE, type TextLines } from "../measures/text-lines.ts";

/** A paragraph that is a shout, or says what happens, stands between brackets as a whole: `(Głos z sali: Tak jest!)`. */
const SHOUT = /^\(\p{Lu}/u;
const CLOSING_BRACKET = 41;

export const endsInBracket = (lines: TextLines, i: number) =>
  lines.text.charCodeAt(lines.end(i) - 1) === CLOSING_BRACKET;

/**
 * Tells whether the paragraph that is being put together is a shout. What was read of its brackets is kept from line to
 * line: to read the paragraph anew for each would take the square of its length.
 */
export class Shout {
  readonly #lines: TextLines;
  /** The paragraph's first line, and the one up to which brackets are counted. */
  #start = -1;
  #read = -1;
  #depth = 0;
  /** Something stands behind the bracket's end, or nothing stands in brackets. */
  #isNone = false;

  constructor(lines: TextLines) {
    this.#lines = lines;
  }

  /** A paragraph begins with this line. */
  begin(start: number): void {
    this.#start = start;
    this.#read = start;
    this.#depth = 0;
    this.#isNone = false;
  }

  /** Whether the paragraph up to this line stands in brackets as a whole, and what follows begins a sentence. */
  endsBefore(last: number, next: number): boolean {
    const lines = this.#lines;
    if (lines.has(next, EDGE.startsSmall) || !endsInBracket(lines, last)) return false;
    if (!SHOUT.test(lines.line(this.#start))) return false;
    for (; this.#read <= last && !this.#isNone; this.#read++) this.#readLine(this.#read, this.#read === last);
    return !this.#isNone;
  }

  #readLine(i: number, isLast: boolean): void {
    const line = this.#lines.line(i);
    for (let at = line.search(/[()]/); at >= 0 && at < line.length; at++) {
      if (line[at] === "(") this.#depth += 1;
      else if (line[at] === ")") this.#depth -= 1;
      if (this.#depth === 0 && (!isLast || at < line.length - 1)) this.#isNone = true;
    }
  }
}
