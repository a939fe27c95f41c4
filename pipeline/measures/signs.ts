import { mark, markCharacters, unitsIn } from "./unit-tables.ts";
import { MARGIN, unitsOf } from "./units.ts";

/**
 * What a text contains that some repair might have to look at, as a set of bits. One pass over the characters
 * answers for all steps at once, so a healthy text costs one table look-up a character and no regex.
 */
export const SIGN = {
  /** `<`: tags. */
  tag: 1,
  /** `&`: entities. */
  ampersand: 2,
  /** First bytes of UTF-8 sequences as one-byte encodings show them. */
  misreadUtf8: 4,
  /** Polish letters of one one-byte encoding as another one shows them. */
  misreadByte: 8,
  /** Characters that Unicode has a plainer spelling for, or none at all. */
  unusual: 16,
  /** Tabs, double spaces, spaces at line ends, more than one blank line. */
  untidy: 32,
  /** `[`, `{`, backticks and the like: wiki markup, BBCode, Markdown, templates. */
  bracket: 64,
  lineEnd: 128,
  digit: 256,
  at: 512,
  /** A space before a comma or full stop: tokenised text. */
  looseMark: 1024,
  /** Separators of menus: `|`, `•`, `›`, `»`. */
  separator: 2048,
  colon: 4096,
  /** Three letters that stand alone one after the other. */
  spacedLetter: 8192,
  /** A backtick, or a straight quote with a space on either side: quotation marks of tokenised text. */
  looseQuote: 16384,
} as const;

const MISREAD_UTF8 = "ÂÃÄÅĂĹâďđðï";
/** windows-1250 ↔ ISO-8859-2 ↔ windows-1252; see the step `single-byte`. */
const MISREAD_BYTE = "±¶Ľľˇ¦¬šœŸ¹³æê¿¼¥£¯\u009c\u009f\u008c\u008f";
const UNUSUAL =
  /[^\n\t\x20-\x7E\u00A1-\u00AC\u00AE-\u02FF\u0370-\u1FFF\u2010-\u2027\u2030-\u205E\u2070-\u2FFF\u3001-\uD7FF]+/g;

const SPACE = 32;
const NEWLINE = 10;
const COMMA = 44;
const FULL_STOP = 46;
const QUOTE = 34;
const SPACED_LETTERS = 3;
let table: Uint16Array | undefined;

/** For each UTF-16 unit the signs it is alone. */
export function signTable(): Uint16Array {
  table ??= buildTable();
  return table;
}

/** The signs found in a text, OR-ed together. */
export function readSigns(text: string): number {
  const table = signTable();
  const units = unitsOf(text);
  const end = MARGIN + text.length;
  let signs = 0;
  let alone = 0;
  for (let i = MARGIN; i < end; i++) {
    const unit = units[i] as number;
    signs |= table[unit] as number;
    if (unit > SPACE) continue;
    const previous = units[i - 1] as number;
    const beforePrevious = units[i - 2] as number;
    alone = beforePrevious === SPACE && previous > 64 && previous < 0x180 ? alone + 1 : 0;
    if (alone === SPACED_LETTERS) signs |= SIGN.spacedLetter;
    // allowed next to each other: two newlines, which make one blank line
    if (previous <= SPACE && (unit === SPACE || previous === SPACE || beforePrevious === NEWLINE))
      signs |= SIGN.untidy;
    if (unit !== SPACE) continue;
    const next = units[i + 1] as number;
    if (next === COMMA || next === FULL_STOP) signs |= SIGN.looseMark;
    if (previous === QUOTE && beforePrevious === SPACE) signs |= SIGN.looseQuote;
  }
  if (text.length > 0 && (units[end - 1] as number) <= SPACE) signs |= SIGN.untidy;
  return signs;
}

function buildTable(): Uint16Array {
  const built = new Uint16Array(0x10000);
  mark(built, unitsIn(UNUSUAL), SIGN.unusual);
  markCharacters(built, "<", SIGN.tag);
  markCharacters(built, "&", SIGN.ampersand);
  markCharacters(built, MISREAD_UTF8, SIGN.misreadUtf8);
  markCharacters(built, MISREAD_BYTE, SIGN.misreadByte);
  markCharacters(built, "\t", SIGN.untidy);
  markCharacters(built, "[{`#", SIGN.bracket);
  markCharacters(built, "\n", SIGN.lineEnd);
  markCharacters(built, "0123456789", SIGN.digit);
  markCharacters(built, "@", SIGN.at);
  markCharacters(built, "`", SIGN.looseQuote);
  markCharacters(built, "|•›»", SIGN.separator);
  markCharacters(built, ":", SIGN.colon);
  return built;
}
