import { UNIT, unitKinds } from "../measures/unit-kinds.ts";

/**
 * A text is read at most so many times over for its divided words; those that come behind are taken for words it does not
 * hold. Scanned pages of 8 MB are read 344 times, half a nanosecond a character (2026-11).
 */
const MAX_READINGS = 1000;

/** Where a text's words with hyphens are looked up: the whole of a book for each divided word would be slow. */
export class Compounds {
  readonly #text: string;
  readonly #answers = new Map<string, boolean>();
  #hyphenated: string | undefined;
  /** Characters that may still be read. */
  #left: number;

  constructor(text: string) {
    this.#text = text;
    this.#left = text.length * MAX_READINGS;
  }

  /** Whether the text holds this piece of letters and hyphens, none of them the last. */
  has(piece: string): boolean {
    let answer = this.#answers.get(piece);
    if (answer === undefined) {
      answer = this.#find(piece);
      this.#answers.set(piece, answer);
    }
    return answer;
  }

  #find(piece: string): boolean {
    if (this.#left <= 0) return false;
    const words = /[-¬]/.test(piece) ? this.#hyphenatedWords() : this.#text;
    const place = words.indexOf(piece);
    this.#left -= place < 0 ? words.length : place;
    return place >= 0;
  }

  #hyphenatedWords(): string {
    this.#hyphenated ??= hyphenatedWords(this.#text);
    return this.#hyphenated;
  }
}

const INSIDE = /[^-¬][-¬]+[^-¬]/;

/** Letters, hyphens, and halves of letters beyond the basic plane. */
export function isWordPart(code: number): boolean {
  return (
    ((unitKinds()[code] as number) & (UNIT.letter | UNIT.surrogate)) !== 0 || code === 45 || code === 0xac
  );
}

/** The different runs of letters and hyphens with a hyphen inside, one a line; divided words alone are ten times as many. */
function hyphenatedWords(text: string): string {
  const words = new Set<string>();
  let end = 0;
  for (const { index } of text.matchAll(/[-¬]/g)) {
    if (index < end) continue;
    let start = index;
    while (start > end && isWordPart(text.charCodeAt(start - 1))) start -= 1;
    end = index + 1;
    while (end < text.length && isWordPart(text.charCodeAt(end))) end += 1;
    const word = text.slice(start, end);
    if (INSIDE.test(word)) words.add(word);
  }
  return [...words].join("\n");
}
