import type { LineTable } from "./line-table.ts";
import { UNIT, unitKinds } from "./unit-kinds.ts";
import { MARGIN, unitsOf } from "./units.ts";

/** How a line begins and ends, as a set of bits. */
export const EDGE = {
  /** It begins with a small letter, a quote or bracket before it left out of account. */
  startsSmall: 1,
  /** The same with a capital. */
  startsCapital: 2,
  /** With a capital itself. */
  capital: 4,
  /** It begins something of its own: a list item, a turn of dialogue or of a chat, a numbered paragraph. */
  startsAnew: 8,
  /** With a hyphen and a letter. */
  startsHyphenated: 16,
  endsSentence: 32,
  /** It ends in a mark as verse does, closing signs behind it left out of account. */
  endsVerse: 64,
  endsInLetter: 128,
  /** It ends in a letter and what divides words. */
  isHyphenated: 256,
  /** It ends in a small letter and a hyphen. */
  dividesWord: 512,
} as const;

/** A line that begins something of its own. */
const STARTS_ANEW =
  /^(?:[-–—•*·▪►>]\s?|<[@+% ]?[\w[\]^|-]+>\s|\[?\d{1,2}:\d\d(?::\d\d)?\]?\s|\(?\p{L}?\d{1,3}[.)]\s|§\s?\d|Art\.\s?\d|[a-zA-Z]\)\s|[A-Z]\.\s)/u;
const [HYPHEN, EQUALS] = [45, 61];

/**
 * A text's lines by their numbers: most steps look at how lines begin and end, and touch hardly one. Nothing is cut out
 * of the text before it is asked for. Valid until another text's lines are asked for.
 */
export class TextLines {
  readonly text: string;
  readonly count: number;
  readonly #starts: Uint32Array;
  readonly #signs: Uint8Array;
  #edges: Uint16Array | undefined;

  constructor(text: string, { count, starts, signs }: LineTable) {
    this.text = text;
    this.count = count;
    this.#starts = starts;
    this.#signs = signs;
  }

  /** Where a line starts in the text. */
  start(i: number): number {
    return this.#starts[i] as number;
  }

  end(i: number): number {
    return (this.#starts[i + 1] as number) - 1;
  }

  length(i: number): number {
    return this.end(i) - this.start(i);
  }

  isBlank(i: number): boolean {
    return this.end(i) === this.start(i);
  }

  /** A line's text; `""` beyond the first and the last. */
  line(i: number): string {
    return i >= 0 && i < this.count ? this.text.slice(this.start(i), this.end(i)) : "";
  }

  /** All lines but those that are marked with a 1, as one text. */
  without(marked: Uint8Array): string {
    const rest: string[] = [];
    for (let i = 0; i < this.count; i++) if (marked[i] === 0) rest.push(this.line(i));
    return rest.join("\n");
  }

  /** A 32-bit hash of a line in which all numbers count as the same one. */
  keyWithoutNumbers(i: number): number {
    const { text } = this;
    const end = this.end(i);
    let key = 0;
    let inNumber = false;
    for (let at = this.start(i); at < end; at++) {
      const code = text.charCodeAt(at);
      const isDigit = code >= 48 && code <= 57;
      if (!isDigit) key = Math.imul(key ^ code, 0x01000193);
      else if (!inNumber) key = Math.imul(key ^ 48, 0x01000193);
      inNumber = isDigit;
    }
    return key ^ (key >>> 15);
  }

  /** Length of a line up to its first white space. */
  firstWord(i: number): number {
    const kinds = unitKinds();
    const start = this.start(i);
    const end = this.end(i);
    for (let at = start; at < end; at++)
      if (((kinds[this.text.charCodeAt(at)] as number) & UNIT.space) !== 0) return at - start;
    return end - start;
  }

  /** Whether a line holds any of these `IN_LINE` bits. */
  holds(i: number, signs: number): boolean {
    return ((this.#signs[i] as number) & signs) !== 0;
  }

  /** Whether a line has any of these `EDGE` bits. */
  has(i: number, edges: number): boolean {
    this.#edges ??= this.#readEdges();
    return ((this.#edges[i] as number) & edges) !== 0;
  }

  #readEdges(): Uint16Array {
    const edges = roomForEdges(this.count);
    const units = unitsOf(this.text);
    const kinds = unitKinds();
    for (let i = 0; i < this.count; i++)
      edges[i] = this.isBlank(i) ? 0 : this.#firstEdge(units, kinds, i) | this.#lastEdge(units, kinds, i);
    return edges;
  }

  #firstEdge(units: Uint16Array, kinds: Uint16Array, i: number): number {
    const at = MARGIN + this.start(i);
    const first = kindAt(units, kinds, at);
    const second = kindAt(units, kinds, at + 1);
    if (((first | second) & UNIT.surrogate) !== 0) return firstEdgeOf(this.line(i));
    let edge = 0;
    if (((first & UNIT.opener) !== 0 ? second : first) & UNIT.small) edge |= EDGE.startsSmall;
    if (((first & UNIT.quote) !== 0 ? second : first) & UNIT.capital) edge |= EDGE.startsCapital;
    if (first & UNIT.capital) edge |= EDGE.capital;
    if (units[at] === HYPHEN && second & UNIT.letter) edge |= EDGE.startsHyphenated;
    const mayStart =
      first & UNIT.beginner || second & UNIT.behindLetter || this.text.startsWith("Art.", at - MARGIN);
    if (mayStart && STARTS_ANEW.test(this.line(i))) edge |= EDGE.startsAnew;
    return edge;
  }

  #lastEdge(units: Uint16Array, kinds: Uint16Array, i: number): number {
    const begin = MARGIN + this.start(i);
    const last = MARGIN + this.end(i) - 1;
    let edge = 0;
    if (endsIn(units, kinds, begin, last, UNIT.sentenceMark, UNIT.sentenceCloser)) edge |= EDGE.endsSentence;
    if (endsIn(units, kinds, begin, last, UNIT.verseMark, UNIT.verseCloser)) edge |= EDGE.endsVerse;
    const ofLast = kindAt(units, kinds, last);
    if (ofLast & UNIT.surrogate ? /\p{L}$/u.test(this.line(i)) : ofLast & UNIT.letter)
      edge |= EDGE.endsInLetter;
    if ((ofLast & UNIT.divider) === 0 || last === begin) return edge;
    const before = kindAt(units, kinds, last - 1);
    if (before & UNIT.letter) edge |= EDGE.isHyphenated;
    if (units[last] === EQUALS) return edge;
    if (before & UNIT.surrogate ? /\p{Ll}[-¬]$/u.test(this.line(i)) : before & UNIT.small)
      edge |= EDGE.dividesWord;
    return edge;
  }
}

/** Not a function within those that ask: one made for every line was a tenth of all memory that cleaning took. */
const kindAt = (units: Uint16Array, kinds: Uint16Array, at: number) => kinds[units[at] as number] as number;

function firstEdgeOf(line: string): number {
  let edge = 0;
  if (/^[„"(]?\p{Ll}/u.test(line)) edge |= EDGE.startsSmall;
  if (/^["„»(]?\p{Lu}/u.test(line)) edge |= EDGE.startsCapital;
  if (/^\p{Lu}/u.test(line)) edge |= EDGE.capital;
  if (/^-\p{L}/u.test(line)) edge |= EDGE.startsHyphenated;
  if (STARTS_ANEW.test(line)) edge |= EDGE.startsAnew;
  return edge;
}

/** Whether a line ends in one of the marks, closing signs behind it left out of account. */
function endsIn(
  units: Uint16Array,
  kinds: Uint16Array,
  begin: number,
  last: number,
  marks: number,
  closers: number,
): boolean {
  let at = last;
  while (at >= begin && ((kinds[units[at] as number] as number) & closers) !== 0) at -= 1;
  return at >= begin && ((kinds[units[at] as number] as number) & marks) !== 0;
}

let scratch = new Uint16Array(1 << 12);

function roomForEdges(count: number): Uint16Array {
  if (scratch.length < count) scratch = new Uint16Array(count * 2);
  return scratch;
}
