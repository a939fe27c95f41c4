import { KeySet } from "./key-set.ts";

/** What a data set allows: documents that the same part may stand in, 0 for any number. */
export interface PartLimits {
  readonly maxDocumentsPerLine: number;
  readonly maxDocumentsPerParagraph: number;
}

/** xxHash64 of a string. */
type HashText = (text: string, seed: bigint) => bigint;

const LINE = 1n;
const PARAGRAPH = 2n;
const LETTER = /\p{L}/u;

/** Keys of a text's lines and paragraphs, as far as their number is limited; each one once. Parts without a letter are form. */
export function partKeys(
  text: string,
  limits: PartLimits,
  hash: HashText,
): { lines: bigint[]; paragraphs: bigint[] } {
  const keysOf = (parts: readonly string[], kind: bigint) => [
    ...new Set(parts.filter((part) => LETTER.test(part)).map((part) => hash(part.trim(), kind))),
  ];
  return {
    lines: limits.maxDocumentsPerLine > 0 ? keysOf(text.split("\n"), LINE) : [],
    paragraphs: limits.maxDocumentsPerParagraph > 0 ? keysOf(text.split("\n\n"), PARAGRAPH) : [],
  };
}

/** The parts that stand in too many documents, by their keys. */
export class RepeatedParts {
  readonly keys = new KeySet();
  readonly #hash: HashText;

  constructor(hash: HashText) {
    this.#hash = hash;
  }

  /** A text without its repeated paragraphs and, in the others, lines; the same string when it has none. */
  removeFrom(text: string): string {
    const paragraphs = text.split("\n\n");
    const kept = paragraphs.flatMap((paragraph) => {
      if (this.#has(paragraph, PARAGRAPH)) return [];
      const lines = paragraph.split("\n").filter((line) => !this.#has(line, LINE));
      return lines.length === 0 ? [] : [lines.join("\n")];
    });
    const rest = kept.join("\n\n");
    return rest.length === text.length ? text : rest;
  }

  #has(part: string, kind: bigint): boolean {
    return this.keys.has(this.#hash(part.trim(), kind));
  }
}
