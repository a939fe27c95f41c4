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
  /** `?`. */
  question: 1 << 15,
  /** `>`: quoted lines. */
  greater: 1 << 16,
  /** `'`: emphasis of wiki markup. */
  apostrophe: 1 << 17,
  /** `Z` or `L` directly behind a small letter, a digit, a full stop or a bracket: headings glued to what stood before. */
  gluedHeading: 1 << 18,
  /** Line ends other than a newline. */
  lineBreak: 1 << 19,
  /** Spaces other than the usual one. */
  wideSpace: 1 << 20,
  /** Soft hyphens, zero-width and direction marks, joiners. */
  invisible: 1 << 21,
  /** Control characters. */
  control: 1 << 22,
  /** Latin ligatures. */
  ligature: 1 << 23,
} as const;

const MISREAD_UTF8 = "ÂÃÄÅĂĹâďđðï";
/** windows-1250 ↔ ISO-8859-2 ↔ windows-1252; see the step `single-byte`. */
const MISREAD_BYTE = "±¶Ľľˇ¦¬šœŸ¹³æê¿¼¥£¯\u009c\u009f\u008c\u008f";
/** What the step `unicode` replaces, each kind by something else. */
export const LINE_BREAKS = "\\r\\u0085\\u2028\\u2029\\v\\f";
export const WIDE_SPACES = "\\u00A0\\u1680\\u2000-\\u200A\\u202F\\u205F\\u3000";
/** Soft hyphens, zero-width and direction marks; the joiner, which may build an emoji, beside them. */
export const INVISIBLES =
  "\\u00AD\\u061C\\u180E\\u200B\\u200C\\u200E\\u200F\\u202A-\\u202E\\u2060-\\u2064\\u2066-\\u206F\\uFEFF";
export const JOINER = "\\u200D";
export const CONTROLS = "\\x00-\\x08\\x0E-\\x1F\\x7F-\\x9F";
export const LIGATURES = "\\uFB00-\\uFB06";
const UNUSUAL =
  /[^\n\t\x20-\x7E\u00A1-\u00AC\u00AE-\u02FF\u0370-\u1FFF\u2010-\u2027\u2030-\u205E\u2070-\u2FFF\u3001-\uD7FF]+/g;
const REPLACED = [
  [LINE_BREAKS, SIGN.lineBreak],
  [WIDE_SPACES, SIGN.wideSpace],
  [INVISIBLES + JOINER, SIGN.invisible],
  [CONTROLS, SIGN.control],
  [LIGATURES, SIGN.ligature],
] as const;

const SPACE = 32;
const NEWLINE = 10;
const COMMA = 44;
const FULL_STOP = 46;
const QUOTE = 34;
const [CAPITAL_L, CAPITAL_Z, BRACKET] = [76, 90, 41];
const SPACED_LETTERS = 3;
let table: Uint32Array | undefined;

/** For each UTF-16 unit the signs it is alone. */
export function signTable(): Uint32Array {
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
    if (unit > SPACE) {
      if ((unit === CAPITAL_L || unit === CAPITAL_Z) && mayEndSentence(units[i - 1] as number))
        signs |= SIGN.gluedHeading;
      continue;
    }
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

/** A small letter, a digit, a full stop or a bracket; letters beyond ASCII are not told from other signs. */
const mayEndSentence = (unit: number) =>
  (unit >= 97 && unit <= 122) ||
  (unit >= 48 && unit <= 57) ||
  unit === FULL_STOP ||
  unit === BRACKET ||
  unit >= 0x80;

function buildTable(): Uint32Array {
  const built = new Uint32Array(0x10000);
  mark(built, unitsIn(UNUSUAL), SIGN.unusual);
  for (const [characters, sign] of REPLACED) mark(built, unitsIn(new RegExp(`[${characters}]+`, "g")), sign);
  markCharacters(built, "<", SIGN.tag);
  markCharacters(built, "?", SIGN.question);
  markCharacters(built, ">", SIGN.greater);
  markCharacters(built, "'", SIGN.apostrophe);
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
