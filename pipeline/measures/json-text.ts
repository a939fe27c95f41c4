import { MARGIN, unitsOf } from "./units.ts";

/** The text of a JSON line, and where in the line its closing quote is passed. */
export interface LeadingText {
  readonly text: string;
  readonly end: number;
}

/** Texts from JSON and to JSON without the strings between: in C++ (native/) where that was built. */
export interface JsonText {
  /**
   * The text of a line that begins with `{"text":"…"`, as most do; what comes behind it is not looked at. Undefined for
   * a line of another form and always in TypeScript, where nothing is faster than `JSON.parse`.
   *
   * @param line UTF-8
   */
  readonly readLeading: (line: Uint8Array) => LeadingText | undefined;
  /**
   * Writes a text as it stands between the quotes of a JSON string, in one pass: `JSON.stringify` and the encoding of what
   * it gives took twice as long.
   *
   * @param bytes with room for `jsonBytes` from `at` on
   * @returns how many bytes were written; 0 for a text with signs that are escaped by their code: rare controls and halves
   * of surrogate pairs
   */
  readonly write: (text: string, bytes: Uint8Array, at: number) => number;
}

/** Room that `write` needs for a text: three bytes a unit at most, and one that is written with the last. */
export const jsonBytes = (text: string) => 3 * text.length + 1;

/** What JSON writes behind a backslash for a byte, 0 for one that it takes as it is; `OTHER` for rare controls. */
const ESCAPES = new Uint8Array(128);
const OTHER = 1;
ESCAPES.fill(OTHER, 0, 32);
for (const [sign, written] of [
  ["\n", "n"],
  ["\t", "t"],
  ['"', '"'],
  ["\\", "\\"],
] as const)
  ESCAPES[sign.charCodeAt(0)] = written.charCodeAt(0);
const BACKSLASH = 92;

export const portableJson: JsonText = { readLeading: () => undefined, write: writeJson };

function writeJson(text: string, bytes: Uint8Array, start: number): number {
  const units = unitsOf(text);
  const end = MARGIN + text.length;
  let at = start;
  for (let i = MARGIN; i < end; i++) {
    const unit = units[i] as number;
    if (unit < 0x80) {
      const escaped = ESCAPES[unit] as number;
      if (escaped !== 0) {
        if (escaped === OTHER) return 0;
        bytes[at++] = BACKSLASH;
        bytes[at++] = escaped;
      } else bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      const low = units[++i] as number;
      if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return 0;
      const codePoint = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
      bytes[at++] = 0xf0 | (codePoint >> 18);
      bytes[at++] = 0x80 | ((codePoint >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((codePoint >> 6) & 0x3f);
      bytes[at++] = 0x80 | (codePoint & 0x3f);
    }
  }
  return at - start;
}
