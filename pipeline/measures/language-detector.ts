import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unitsIn } from "./unit-tables.ts";

/** Of a text, the detector reads this much at most; in bytes it stops at the first space after `STOP_BYTES`. */
const MAX_CHARACTERS = 1000;
const STOP_BYTES = 350;
const MAX_BYTES = 380;
/** Longer words are cut here when their n-grams are taken. */
const MAX_WORD_BYTES = 70;
/** The database holds scores less this, to be smaller. */
const BASE_SCORE = 53;
/** N-grams have four bytes and a space on either side. */
const MAX_NGRAM = 6;

/** N-grams and what each says for which language, in flat arrays: 6 MB, where eld's own objects take 416 MB. */
interface Database {
  /** Code of each language by its number. */
  readonly languages: readonly string[];
  /** What `eld` takes for the end of a word. */
  readonly separators: RegExp;
  /** For each UTF-16 unit what it is as a letter, in lower case; `SEPARATOR` and `UNSURE` else. */
  readonly letters: Uint16Array;
  /** The sign that stands for each byte in the database. */
  readonly signs: Uint8Array;
  /** Open addressing: an n-gram's first four signs and its last two, and where its scores begin. */
  readonly heads: Uint32Array;
  readonly tails: Uint16Array;
  readonly starts: Uint32Array;
  /** Pairs of a language's number and a score, n-gram by n-gram. */
  readonly scores: Uint8Array;
  /** Number of the text an n-gram was last seen in: each counts once. */
  readonly seenIn: Uint32Array;
}

let database: Database | undefined;
let texts = 0;
const word = new Uint8Array(MAX_BYTES + 8);
/** The text in lower case, where some letters have two or three units. */
const plain = new Uint16Array(3 * MAX_CHARACTERS);

const SPACE = 32;
/** Part of a word when they stand before a letter. */
const APOSTROPHES = "'`’";
/** Not units of any letter. */
const [SEPARATOR, UNSURE] = [0, 1];
/** From here on lower case may depend on what stands beside a letter, or take more units. */
const LATIN_UNITS = 0x250;
const DOTTED_I = 0x130;

/**
 * The language of a text's beginning (ISO 639-1), `""` when nothing speaks for any: the answer of
 * `eld/large`, from its database, in a seventieth of its memory and a fraction of its time.
 */
export function detectLanguage(text: string): string {
  database ??= loadDatabase();
  const { languages, signs } = database;
  const units = readPlain(text.slice(0, MAX_CHARACTERS), database);
  const sums = new Float64Array(languages.length);
  texts += 1;
  let length = 0;
  let bytes = 0;
  for (let i = 0; i < units && bytes <= MAX_BYTES; i++) {
    const unit = plain[i] as number;
    if (unit === SPACE) {
      if (length > 0) addWord(database, length, sums);
      length = 0;
      if (bytes > STOP_BYTES) break;
      bytes += 1;
    } else if (unit < 0x80) {
      word[length++] = unit;
      bytes += 1;
    } else if (unit < 0x800) {
      word[length++] = signs[0xc0 | (unit >> 6)] as number;
      word[length++] = signs[0x80 | (unit & 0x3f)] as number;
      bytes += 2;
    } else {
      word[length++] = signs[0xe0 | (unit >> 12)] as number;
      word[length++] = signs[0x80 | ((unit >> 6) & 0x3f)] as number;
      word[length++] = signs[0x80 | (unit & 0x3f)] as number;
      bytes += 3;
    }
  }
  if (length > 0) addWord(database, length, sums);
  let best = "";
  let most = 0;
  for (let language = 0; language < sums.length; language++) {
    const sum = sums[language] as number;
    if (sum > most) [best, most] = [languages[language] as string, sum];
  }
  return best;
}

/**
 * Writes the text to `plain` as `eld` reads it, in lower case with a space for what is between words; no more than is read.
 * Unit by unit as long as letters are Latin: the general way took two thirds of a detection (2026-11).
 *
 * @returns how many units there are
 */
function readPlain(text: string, { letters, separators }: Database): number {
  let units = 0;
  for (let i = 0; i < text.length && units <= MAX_BYTES; i++) {
    const letter = letters[text.charCodeAt(i)] as number;
    if (letter === UNSURE) return writePlain(text.replace(separators, " ").trim().toLowerCase());
    if (letter !== SEPARATOR) {
      plain[units++] = letter;
      continue;
    }
    let end = i + 1;
    while (end < text.length && letters[text.charCodeAt(end)] === SEPARATOR) end += 1;
    let apostrophes = end;
    while (apostrophes > i && APOSTROPHES.includes(text[apostrophes - 1] as string)) apostrophes -= 1;
    if (apostrophes > i && units > 0) plain[units++] = SPACE;
    for (; apostrophes < end; apostrophes++) plain[units++] = text.charCodeAt(apostrophes);
    i = end - 1;
  }
  return units;
}

function writePlain(text: string): number {
  for (let i = 0; i < text.length; i++) plain[i] = text.charCodeAt(i);
  return text.length;
}

/** Adds the scores of a word's n-grams: every third position, and the end. */
function addWord(database: Database, length: number, sums: Float64Array): void {
  const cut = Math.min(length, MAX_WORD_BYTES);
  let at = 0;
  for (; at + 4 < cut; at += 3) addNgram(database, at === 0, at, at + 4, false, sums);
  addNgram(database, at === 0, Math.max(0, cut - 4), length, true, sums);
}

function addNgram(
  database: Database,
  spaceBefore: boolean,
  from: number,
  to: number,
  spaceBehind: boolean,
  sums: Float64Array,
): void {
  const length = to - from + Number(spaceBefore) + Number(spaceBehind);
  if (length > MAX_NGRAM) return; // the tail of a word over `MAX_WORD_BYTES`
  let head = 0;
  let tail = 0;
  for (let i = 0; i < length; i++) {
    const at = spaceBefore ? from + i - 1 : from + i;
    const sign = at < from || at >= to ? 32 : (word[at] as number);
    if (i < 4) head = (head << 8) | sign;
    else tail = (tail << 8) | sign;
  }
  const { heads, tails, starts, scores, seenIn } = database;
  const slot = slotOf(heads, tails, head >>> 0, tail);
  if (heads[slot] === 0 || seenIn[slot] === texts) return;
  seenIn[slot] = texts;
  const start = starts[slot] as number;
  const end = start + 1 + 2 * (scores[start] as number);
  for (let i = start + 1; i < end; i += 2) {
    const language = scores[i] as number;
    sums[language] = (sums[language] as number) + (scores[i + 1] as number) + BASE_SCORE;
  }
}

/** Where an n-gram is, or the free slot where it would be; no n-gram has a head of 0. */
function slotOf(heads: Uint32Array, tails: Uint16Array, head: number, tail: number): number {
  const mask = heads.length - 1;
  const mixed = Math.imul(head ^ Math.imul(tail, 0x9e3779b1), 0x85ebca6b);
  let slot = (mixed ^ (mixed >>> 15)) & mask;
  while (heads[slot] !== 0 && (heads[slot] !== head || tails[slot] !== tail)) slot = (slot + 1) & mask;
  return slot;
}

const LANGUAGE = /(\d+):'([a-z]+)'/g;
/** Twice the entries of eld 2.1.0, rounded up to a power of two. */
const SLOTS = 1 << 19;
const [QUOTE, COMMA, COLON, BACKSLASH, OPEN, CLOSE] = [..."',:\\{}"].map((sign) => sign.charCodeAt(0));

/** Reads the database out of the package's file as text: evaluated, it would be objects of 416 MB. */
function loadDatabase(): Database {
  const entry = fileURLToPath(import.meta.resolve("eld/large"));
  const part = (name: string) => join(dirname(entry), "..", name);
  const load = createRequire(entry);
  const { separators } = load(part("regexPatterns.js")) as { separators: RegExp };
  const { dictionary } = load(part("dictionary.js")) as { dictionary: readonly string[] };
  const file = part("ngrams/large.js");
  const source = readFileSync(file);
  const begin = source.indexOf("ngrams:{");
  const languages: string[] = [];
  for (const [, number, code] of source.toString("latin1", 0, begin).matchAll(LANGUAGE))
    languages[Number(number)] = code as string;
  const read = readNgrams(source, begin + "ngrams:{".length);
  if (languages.length < 2 || read.entries < 2 || read.entries > SLOTS * 0.7)
    throw new Error(
      `${file}: not the database of eld 2.1 (${languages.length} languages, ${read.entries} n-grams)`,
    );
  return {
    languages,
    separators,
    letters: letterTable(separators),
    signs: Uint8Array.from(dictionary, (sign) => sign.charCodeAt(0)),
    ...read,
    seenIn: new Uint32Array(SLOTS),
  };
}

function letterTable(separators: RegExp): Uint16Array {
  const table = new Uint16Array(0x10000).fill(UNSURE);
  for (let unit = 0; unit < LATIN_UNITS; unit++)
    if (unit !== DOTTED_I) table[unit] = String.fromCharCode(unit).toLowerCase().charCodeAt(0);
  for (const unit of unitsIn(separators)) table[unit] = SEPARATOR;
  for (const sign of APOSTROPHES) table[sign.charCodeAt(0)] = SEPARATOR;
  return table;
}

/**
 * Reads entries `'key':{language:score,…}` (the quotes missing where the key is a name or number to JavaScript)
 * up to the brace that ends them. Byte by byte: a pattern took half a second, of every worker.
 */
function readNgrams(
  source: Uint8Array,
  begin: number,
): Pick<Database, "heads" | "tails" | "starts" | "scores"> & { entries: number } {
  const heads = new Uint32Array(SLOTS);
  const tails = new Uint16Array(SLOTS);
  const starts = new Uint32Array(SLOTS);
  const scores = new Uint8Array(source.length - begin);
  let entries = 0;
  let used = 0;
  for (let at = begin; at < source.length && source[at] !== CLOSE; at++) {
    if (source[at] === COMMA) continue;
    const isQuoted = source[at] === QUOTE;
    if (isQuoted) at += 1;
    let head = 0;
    let tail = 0;
    for (let i = 0; at < source.length && source[at] !== (isQuoted ? QUOTE : COLON); i++, at++) {
      if (source[at] === BACKSLASH) at += 1;
      // the file is UTF-8: signs from U+0080 to U+00FF have two bytes
      const byte = source[at] as number;
      const sign = byte < 0xc0 ? byte : ((byte & 3) << 6) | ((source[++at] as number) & 0x3f);
      if (i < 4) head = (head << 8) | sign;
      else tail = (tail << 8) | sign;
    }
    at = source.indexOf(OPEN as number, at) + 1;
    const slot = slotOf(heads, tails, head >>> 0, tail);
    heads[slot] = head >>> 0;
    tails[slot] = tail;
    starts[slot] = used;
    const count = used++;
    let number = 0;
    for (; at < source.length; at++) {
      const byte = source[at] as number;
      if (byte !== COLON && byte !== COMMA && byte !== CLOSE) {
        number = number * 10 + byte - 48;
        continue;
      }
      scores[used++] = number;
      number = 0;
      if (byte === CLOSE) break;
    }
    scores[count] = (used - count - 1) / 2;
    entries += 1;
    if (entries > SLOTS * 0.7) break;
  }
  return { heads, tails, starts, scores: scores.slice(0, used), entries };
}
