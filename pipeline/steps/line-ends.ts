// What lines begin and end with. Most are told by their character codes; a pattern on every line was half of the time
// of the step `reflow`.

/** A line that begins something of its own: a list item, a turn of dialogue or of a chat, a numbered paragraph. */
const STARTS_ANEW =
  /^(?:[-–—•*·▪►>]\s?|<[@+% ]?[\w[\]^|-]+>\s|\[?\d{1,2}:\d\d(?::\d\d)?\]?\s|\(?\p{L}?\d{1,3}[.)]\s|§\s?\d|Art\.\s?\d|[a-zA-Z]\)\s|[A-Z]\.\s)/u;
const SENTENCE_MARKS = codesOf(".!?…:;");
const SENTENCE_CLOSERS = codesOf('"”»’)]*');
const STARTS_SMALL = /^[„"(]?\p{Ll}/u;
/** Whether a line ends in a letter and a hyphen; `¬` is what some programs make of the soft one, `=` what OCR does. */
export function isHyphenated(line: string): boolean {
  const last = line.charCodeAt(line.length - 1);
  return (last === 45 || last === 0xac || last === 61) && /\p{L}/u.test(line.charAt(line.length - 2));
}

/** The UTF-16 units of some characters. */
export function codesOf(characters: string): ReadonlySet<number> {
  return new Set([...characters].map((character) => character.charCodeAt(0)));
}

/** Whether a line ends in one of the marks, closing signs behind it left out of account. */
export function endsIn(line: string, marks: ReadonlySet<number>, closers: ReadonlySet<number>): boolean {
  let last = line.length - 1;
  while (last >= 0 && closers.has(line.charCodeAt(last))) last -= 1;
  return last >= 0 && marks.has(line.charCodeAt(last));
}

export const endsSentence = (line: string) => endsIn(line, SENTENCE_MARKS, SENTENCE_CLOSERS);

export const isPlainSmall = (code: number) => code >= 97 && code <= 122;
const isPlainCapital = (code: number) => code >= 65 && code <= 90;

const POLISH_SMALL = codesOf("ąćęłńóśźż");
/** What may stand before a sentence's first letter; nothing else that `STARTS_SMALL` knows begins a line. */
const QUOTES = codesOf('„"(');

/** Whether a line begins with a small letter, a quote or bracket before it left out of account. */
export function startsSmall(line: string): boolean {
  const first = line.charCodeAt(0);
  if (isPlainSmall(first) || POLISH_SMALL.has(first)) return true;
  return !isPlainCapital(first) && (first > 127 || QUOTES.has(first)) && STARTS_SMALL.test(line);
}

/** What `STARTS_ANEW` can begin with, letters left out; all else of ASCII cannot. */
const BEGINNERS = codesOf("-–—•*·▪►><[(§0123456789");
/** What must follow on a letter for it, but for `Art.` and letters of two UTF-16 units. */
const BEHIND_LETTER = codesOf("0123456789).");
const SURROGATES = 0xd800;

/** Whether a line begins something of its own (see `STARTS_ANEW`). */
export function startsAnew(line: string): boolean {
  const first = line.charCodeAt(0);
  if (BEGINNERS.has(first) || BEHIND_LETTER.has(line.charCodeAt(1))) return STARTS_ANEW.test(line);
  return (line.startsWith("Art.") || first >= SURROGATES) && STARTS_ANEW.test(line);
}

export const endsInLetter = (line: string) => /\p{L}$/u.test(line.slice(-2));
