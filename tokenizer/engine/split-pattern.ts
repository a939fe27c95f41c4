/** Readable bytes a caller of a scanner must leave after the text; their values do not matter. */
export const SCAN_AHEAD = 4;

/**
 * Finds where the word that starts at `start` ends.
 *
 * @param bytes UTF-8, with SCAN_AHEAD readable bytes after `end`
 * @param start where the word starts; `start < end`
 * @param end where the text ends
 */
export type WordScanner = (bytes: Uint8Array, start: number, end: number) => number;

/**
 * Patterns that cut text into words before byte-level merging: GPT-2's; the one Llama 3 took over from GPT-4, with
 * numbers of up to three digits; Qwen 2's, the same with single digits; or none, where all of a text is one word.
 */
export type SplitPattern = "gpt2" | "llama3" | "qwen2" | "none";

/** The patterns as tokenizer.json has them, and as regular expressions of JavaScript for tests to compare with. */
export const SPLIT_REGEXES: Readonly<Record<Exclude<SplitPattern, "none">, string>> = {
  gpt2: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  llama3:
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  qwen2:
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
};

/** The scanner of a pattern. Each function below follows its pattern's alternatives in their order. */
export function splitScanner(pattern: SplitPattern): WordScanner {
  switch (pattern) {
    case "gpt2":
      return gpt2End;
    case "llama3":
      return (bytes, start, end) => llama3End(bytes, start, end, 3);
    case "qwen2":
      return (bytes, start, end) => llama3End(bytes, start, end, 1);
    case "none":
      return (_bytes, _start, end) => end;
  }
}

const SPACE = 0x20;
const APOSTROPHE = 0x27;
const LF = 0x0a;
const CR = 0x0d;

function gpt2End(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] as number;
  if (first === APOSTROPHE) {
    const contraction = contractionEnd(bytes, start, end, 0);
    if (contraction > start) return contraction;
  }
  const at = first === SPACE ? start + 1 : start;
  if (at < end) {
    const kind = classAt(bytes, at);
    if (kind !== BLANK) return runEnd(bytes, at, end, kind);
  }
  return blankEnd(bytes, start, end);
}

function llama3End(bytes: Uint8Array, start: number, end: number, maxDigits: number): number {
  const first = bytes[start] as number;
  if (first === APOSTROPHE) {
    const contraction = contractionEnd(bytes, start, end, CASE_BIT);
    if (contraction > start) return contraction;
  }
  const kind = classAt(bytes, start);
  if (kind === LETTER) return runEnd(bytes, start, end, LETTER);
  const next = start + lengthAt(bytes, start);
  if (kind !== NUMBER && first !== LF && first !== CR && next < end && classAt(bytes, next) === LETTER) {
    return runEnd(bytes, next, end, LETTER);
  }
  if (kind === NUMBER) {
    let at = next;
    for (let digits = 1; digits < maxDigits && at < end && classAt(bytes, at) === NUMBER; digits++) {
      at += lengthAt(bytes, at);
    }
    return at;
  }
  const sign = first === SPACE ? start + 1 : start;
  if (sign < end && classAt(bytes, sign) === OTHER) {
    let at = runEnd(bytes, sign, end, OTHER);
    while (at < end && (bytes[at] === LF || bytes[at] === CR)) at += 1;
    return at;
  }
  const blanks = runEnd(bytes, start, end, BLANK);
  for (let at = blanks; at > start; at--) {
    if (bytes[at - 1] === LF || bytes[at - 1] === CR) return at; // \s*[\r\n]+ ends with the last of them
  }
  return blankEnd(bytes, start, end);
}

/** `\s+(?!\S)|\s+`: white space, but its last character stays with the word that follows. */
function blankEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let last = start;
  while (at < end && classAt(bytes, at) === BLANK) {
    last = at;
    at += lengthAt(bytes, at);
  }
  return at === end || last === start ? at : last;
}

/** Turns an ASCII letter into its small one. */
const CASE_BIT = 0x20;

/** End of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`, or `start`. In any case of letters with CASE_BIT. */
function contractionEnd(bytes: Uint8Array, start: number, end: number, caseBit: number): number {
  const letter = (i: number) => (start + i < end ? (bytes[start + i] as number) | caseBit : 0);
  const one = letter(1);
  const two = letter(2);
  if (one === 0x73 || one === 0x74 || one === 0x6d || one === 0x64) return start + 2;
  // ſ (C5 BF) is another form of s
  if (caseBit !== 0 && bytes[start + 1] === 0xc5 && bytes[start + 2] === 0xbf && start + 2 < end)
    return start + 3;
  const isPair = ((one === 0x72 || one === 0x76) && two === 0x65) || (one === 0x6c && two === 0x6c);
  return isPair ? start + 3 : start;
}

/** End of the characters of one class that begin at `start`. */
function runEnd(bytes: Uint8Array, start: number, end: number, kind: number): number {
  let at = start;
  while (at < end && classAt(bytes, at) === kind) at += lengthAt(bytes, at);
  return at;
}

const OTHER = 1;
const LETTER = 2;
const NUMBER = 3;
const BLANK = 4;

/** Class of each code point, in pages of 256 made when they are first asked for. */
const pages: (Uint8Array | undefined)[] = new Array(0x1100).fill(undefined);

/** Class of the character at `at`; the bytes are UTF-8. */
function classAt(bytes: Uint8Array, at: number): number {
  const codePoint = codePointAt(bytes, at);
  const page = pages[codePoint >> 8] ?? makePage(codePoint >> 8);
  return page[codePoint & 0xff] as number;
}

function makePage(number: number): Uint8Array {
  const page = Uint8Array.from({ length: 256 }, (_, low) => {
    const character = String.fromCodePoint((number << 8) | low);
    if (/\p{L}/u.test(character)) return LETTER;
    if (/\p{N}/u.test(character)) return NUMBER;
    return /\p{White_Space}/u.test(character) ? BLANK : OTHER; // \s of the reference is Unicode's: with U+0085, without U+FEFF
  });
  pages[number] = page;
  return page;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function codePointAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return lead;
  const second = (bytes[at + 1] as number) & 0x3f;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | second;
  const third = (bytes[at + 2] as number) & 0x3f;
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | (second << 6) | third;
  return (
    (((lead & 0x07) << 18) | (second << 12) | (third << 6) | ((bytes[at + 3] as number) & 0x3f)) & 0x1fffff
  );
}
