import { SIGN } from "../measures/signs.ts";
import { MARGIN, unitsOf } from "../measures/units.ts";
import { keep, type Step } from "./step.ts";

/** The encodings Polish text was misread in. ISO-8859-1 is windows-1252 to every decoder on the web. */
const ENCODINGS = ["windows-1250", "iso-8859-2", "windows-1252"] as const;

/** Text can be misread again after it was misread; three times was never seen, two often. */
const MAX_ROUNDS = 3;

const POLISH_LETTERS = new Set([..."ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"].map((letter) => letter.codePointAt(0) as number));

/**
 * First bytes of the UTF-8 sequences we look for, as each encoding shows them, before what may be a second one: a
 * cheap test for most texts.
 */
const SUSPICIOUS = /[ÂÃÄÅĂĹâďđðï][^\0-\x7f]/;

/**
 * Undoes UTF-8 that was read as a one-byte encoding, once or several times: `Ĺ‚Ăłdka` → `łódka`.
 *
 * Each encoding is inverted character by character; a run of characters whose bytes form a valid UTF-8
 * sequence is replaced by what that sequence means. A text is touched only when at least one sequence gives a
 * Polish letter or a typographic sign: such pairs (`Ĺ‚`, `Ä…`, `â€ž`) do not occur in healthy Polish.
 * Sequences that give other letters are repaired only in such a text.
 */
export const mojibake: Step = {
  name: "mojibake",
  version: 1,
  create() {
    const tables = ENCODINGS.map(bytesByCharacter);
    return (text, measures) => keep(measures.has(SIGN.misreadUtf8) ? repair(text, tables) : text);
  },
};

function repair(text: string, tables: readonly Uint8Array[]): string {
  let current = text;
  for (let round = 0; round < MAX_ROUNDS && SUSPICIOUS.test(current); round++) {
    let best: Reading | undefined;
    for (const table of tables) {
      const reading = reread(current, table);
      if (reading.certain > (best?.certain ?? 0)) best = reading;
    }
    if (best === undefined) break;
    current = best.text;
  }
  return current;
}

interface Reading {
  readonly text: string;
  /** Sequences that gave a Polish letter or a typographic sign. */
  readonly certain: number;
}

/** The text with every misread UTF-8 sequence of one encoding put right. */
function reread(text: string, table: Uint8Array): Reading {
  const units = unitsOf(text); // zeros stand behind it
  const byteAt = (index: number) => table[units[MARGIN + index] ?? 0] as number;
  let certain = 0;
  let result = "";
  let copied = 0;
  for (let i = 0; i < text.length; ) {
    const lead = table[units[MARGIN + i] as number] as number;
    if (lead < FIRST_LEAD) {
      i += 1;
      continue;
    }
    const length = sequenceLength(lead);
    const codePoint = length === 0 ? undefined : decodeSequence(byteAt, i, length, lead);
    if (codePoint === undefined || !isPlausible(codePoint)) {
      i += 1;
      continue;
    }
    if (isCertain(codePoint)) certain += 1;
    result += text.slice(copied, i) + String.fromCodePoint(codePoint);
    i += length;
    copied = i;
  }
  return { text: result + text.slice(copied), certain };
}

/** The least byte that begins a UTF-8 sequence of several. */
const FIRST_LEAD = 0xc2;

function sequenceLength(lead: number): number {
  if (lead >= FIRST_LEAD && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

function decodeSequence(
  byteAt: (index: number) => number,
  start: number,
  length: number,
  lead: number,
): number | undefined {
  let codePoint = lead & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const byte = byteAt(start + i);
    if (byte >> 6 !== 2) return undefined;
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  const shortest = [0, 0, 0x80, 0x800, 0x10000][length] as number;
  return codePoint >= shortest && codePoint <= 0x10ffff ? codePoint : undefined;
}

/** What Polish documents contain: Latin letters and signs (with the C1 range, where a second misreading
 * hides), general punctuation, currency, arrows, the byte-order mark, ligatures and emoji. */
function isPlausible(codePoint: number): boolean {
  return (
    (codePoint >= 0x80 && codePoint <= 0x17f) ||
    codePoint === 0x192 || // ƒ and the spacing accents ˆ ˇ ˘ ˙ ˛ ˜ ˝: bytes of the encodings, seen half-repaired
    (codePoint >= 0x2c6 && codePoint <= 0x2dd) ||
    (codePoint >= 0x2010 && codePoint <= 0x22ff) ||
    (codePoint >= 0x2500 && codePoint <= 0x27bf) ||
    (codePoint >= 0xfb00 && codePoint <= 0xfb06) ||
    codePoint === 0xfeff ||
    (codePoint >= 0x1f300 && codePoint <= 0x1faff)
  );
}

function isCertain(codePoint: number): boolean {
  return POLISH_LETTERS.has(codePoint) || (codePoint >= 0x2010 && codePoint <= 0x2044);
}

/** For each UTF-16 unit the byte (0x80–0xFF) that the encoding shows as this character, 0 for none. */
function bytesByCharacter(encoding: string): Uint8Array {
  const table = new Uint8Array(0x10000);
  const decoder = new TextDecoder(encoding);
  for (let byte = 0x80; byte <= 0xff; byte++) {
    table[decoder.decode(Uint8Array.of(byte)).charCodeAt(0)] = byte;
  }
  return table;
}
