/** Letters that a pattern without regard to case takes for others than their own capitals. */
const FOLDED: Readonly<Record<string, string>> = { s: "\u017f", k: "\u212a" };
const LONGEST = 3;

/** Tells by the first three units whether a text may begin with one of some words: a table is asked, and no pattern. */
export class Beginnings {
  /** For each UTF-16 unit its number among those that the beginnings are made of, and 0 for the others. */
  readonly #codes = new Uint8Array(0x10000);
  readonly #table: Uint8Array;
  #size = 1;

  /** @param words of up to three letters, in lower case; capitals are taken for them */
  constructor(words: readonly string[]) {
    for (const letter of new Set(words.join(""))) {
      for (const unit of [letter, letter.toUpperCase(), FOLDED[letter] ?? letter])
        this.#codes[unit.charCodeAt(0)] = this.#size;
      this.#size += 1;
    }
    this.#table = new Uint8Array(this.#size ** LONGEST);
    for (const word of words) {
      const rest = this.#size ** (LONGEST - word.length);
      let place = 0;
      for (const letter of word) place = place * this.#size + this.#codeOf(letter.charCodeAt(0));
      this.#table.fill(1, place * rest, (place + 1) * rest);
    }
  }

  /** Whether what stands in such memory from a place on may begin so; two units behind that place are read too. */
  at(units: Uint16Array, place: number): boolean {
    let index = 0;
    for (let i = 0; i < LONGEST; i++) index = index * this.#size + this.#codeOf(units[place + i] as number);
    return this.#table[index] === 1;
  }

  #codeOf(unit: number): number {
    return this.#codes[unit] as number;
  }
}
