import { unitsIn } from "./unit-tables.ts";
import { MARGIN, unitsOf } from "./units.ts";

/** A text's words as numbers, and counts of its characters, for the steps that select: one pass for all. */
export interface Words {
  readonly count: number;
  /** A 32-bit hash of each word's letters and digits in lower case; 0 for a word without any. */
  readonly hashes: Uint32Array;
  /** Length of each word in UTF-16 units. */
  readonly lengths: Uint16Array;
  /** Sum of `lengths`. */
  readonly characters: number;
  /** Words with at least one letter. */
  readonly alphabetic: number;
  readonly stopWords: number;
  /** Different words among FineWeb-2's 20. */
  readonly usualWords: number;
  /** Letters, and among them upper-case ones, ones only Polish has, and ones that mark a neighbour language. */
  readonly letters: number;
  readonly upperCase: number;
  readonly polishLetters: number;
  readonly foreignLetters: number;
  readonly otherScript: number;
  readonly digits: number;
  readonly commas: number;
  readonly colons: number;
  /** Brackets, quotes, dashes, slashes and other marks of running text; commas, colons and sentence ends are not among them. */
  readonly marks: number;
  /** `.`, `!`, `?`, `…`. */
  readonly sentenceEnds: number;
  /** What no running text needs: neither letter, digit, space nor common punctuation. */
  readonly oddCharacters: number;
  /** `#` and `…`, and `...` as one. */
  readonly symbols: number;
  /** Different ones among the first `BEGINNING_WORDS` with letters or digits. */
  readonly different: number;
}

/** Of so many words how many differ says the same of a short text and of a long one. */
export const BEGINNING_WORDS = 200;

/** FineWeb-2's stop words for Polish. */
const USUAL_WORDS = "w i na z do się roku od a jest przez po jako oraz o został był nie".split(" ");
/** Some more that no neighbour language shares. */
const MORE_STOP_WORDS =
  "że to jak ale tym co czy tego który która które już tylko być ma są dla przy może ich jego jej sie ze".split(
    " ",
  );

const KIND = {
  other: 0,
  space: 1,
  lower: 2,
  upper: 3,
  digit: 4,
  mark: 5,
  end: 6,
  comma: 7,
  colon: 8,
} as const;
const GROUP = { none: 0, polish: 1, foreign: 2, otherScript: 3 } as const;
const FNV_PRIME = 0x01000193;
const FNV_START = 0x811c9dc5;
/** Slots for the stop words: one for each of 8 bits. */
const STOP_SLOTS = 256;

/** What each UTF-16 unit is, and the stop words' hashes. */
interface WordTables {
  readonly kind: Uint8Array;
  readonly group: Uint8Array;
  readonly lower: Uint16Array;
  readonly stop: Uint32Array;
  /** For each slot of `stop` the bit of the word in `USUAL_WORDS`, 0 for the others. */
  readonly usual: Uint32Array;
  /** By which hashes are multiplied to have a stop word's slot in their highest bits: no two of them share one. */
  readonly stopFactor: number;
}
let tables: WordTables | undefined;

export function wordTables(): WordTables {
  tables ??= buildTables();
  return tables;
}

/** Memory for one text's words, used again for the next: making it new was a tenth of all cleaning time. */
let scratch: Pick<Words, "hashes" | "lengths"> | undefined;

export function roomForWords(text: string): Pick<Words, "hashes" | "lengths"> {
  const capacity = (text.length >> 1) + 1; // a word and the space behind it have two characters at least
  if (scratch === undefined || scratch.hashes.length < capacity)
    scratch = { hashes: new Uint32Array(capacity * 2), lengths: new Uint16Array(capacity * 2) };
  return scratch;
}

/**
 * Splits at white space and counts; the text has gone through the `unicode` step before.
 * `hashes` and `lengths` are valid until the next text is read.
 */
export function readWords(text: string): Words {
  const { kind, group, lower, stop, usual, stopFactor } = wordTables();
  const { hashes, lengths } = roomForWords(text);
  const units = unitsOf(text);
  const kinds = new Int32Array(9);
  const groups = new Int32Array(4);
  let notPlain = 0; // all but a to z: most are, and what is not counted costs nothing
  let count = 0;
  let characters = 0;
  let alphabetic = 0;
  let stopWords = 0;
  let usualWords = 0;
  let symbols = 0;
  const end = MARGIN + text.length;
  for (let i = MARGIN; i < end; ) {
    let unit = units[i] as number;
    if (unit <= 32) {
      i += 1;
      continue;
    }
    const start = i;
    const notPlainBefore = notPlain;
    let hash = FNV_START;
    let hasLetter = false;
    let isEmpty = true;
    for (; unit > 32; unit = units[++i] as number) {
      if (unit >= 97 && unit <= 122) {
        hash = Math.imul(hash ^ unit, FNV_PRIME);
        continue;
      }
      notPlain += 1;
      const ofKind = kind[unit] as number;
      (kinds[ofKind] as number)++;
      if (ofKind >= KIND.lower && ofKind <= KIND.digit) {
        hash = Math.imul(hash ^ (lower[unit] as number), FNV_PRIME);
        isEmpty = false;
        if (ofKind !== KIND.digit) {
          hasLetter = true;
          if (unit > 127) (groups[group[unit] as number] as number)++;
        }
      } else if (unit === 35 || unit === 0x2026) symbols += 1;
      else if (unit === 46 && i >= start + 2 && units[i - 1] === 46 && units[i - 2] === 46)
        symbols += i - start >= 3 && units[i - 3] === 46 ? 0 : 1;
    }
    const wordLength = i - start;
    hasLetter ||= notPlain - notPlainBefore < wordLength;
    const value = isEmpty && !hasLetter ? 0 : hash >>> 0 || 1;
    hashes[count] = value;
    lengths[count] = Math.min(wordLength, 0xffff);
    characters += wordLength;
    count += 1;
    if (hasLetter) {
      alphabetic += 1;
      const slot = slotOf(value, stopFactor);
      if (stop[slot] === value && wordLength < 8) {
        stopWords += 1;
        usualWords |= usual[slot] as number;
      }
    }
  }
  const plain = characters - notPlain;
  return wordsOf({ hashes, lengths }, [
    ...[count, characters, alphabetic, stopWords, usualWords, plain, symbols, countDifferent(hashes, count)],
    ...kinds,
    ...groups,
  ]);
}

/**
 * Names what was counted.
 *
 * @param counts of words, characters in them, words with letters, stop words, the usual ones as bits, units from a to z,
 * symbols, different words at the beginning; then of the other units by `KIND` and of the other letters by `GROUP`
 */
export function wordsOf(
  { hashes, lengths }: Pick<Words, "hashes" | "lengths">,
  counts: ArrayLike<number>,
): Words {
  const at = (index: number) => counts[index] as number;
  const ofKind = (kind: number) => at(COUNTED_KINDS + kind);
  const ofGroup = (group: number) => at(COUNTED_GROUPS + group);
  const count = at(0);
  return {
    count,
    hashes: hashes.subarray(0, count),
    lengths: lengths.subarray(0, count),
    characters: at(1),
    alphabetic: at(2),
    stopWords: at(3),
    usualWords: countBits(at(4)),
    letters: at(5) + ofKind(KIND.lower) + ofKind(KIND.upper),
    upperCase: ofKind(KIND.upper),
    polishLetters: ofGroup(GROUP.polish),
    foreignLetters: ofGroup(GROUP.foreign),
    otherScript: ofGroup(GROUP.otherScript),
    digits: ofKind(KIND.digit),
    commas: ofKind(KIND.comma),
    colons: ofKind(KIND.colon),
    marks: ofKind(KIND.mark),
    sentenceEnds: ofKind(KIND.end),
    oddCharacters: ofKind(KIND.other),
    symbols: at(6),
    different: at(7),
  };
}

const COUNTED_KINDS = 8;
const COUNTED_GROUPS = COUNTED_KINDS + Object.keys(KIND).length;
/** Figures that `wordsOf` names. */
export const COUNTS = COUNTED_GROUPS + Object.keys(GROUP).length;

const slotOf = (hash: number, factor: number) => Math.imul(hash, factor) >>> 24;

const differentTable = new Uint32Array(512);

function countDifferent(hashes: Uint32Array, count: number): number {
  const table = differentTable.fill(0);
  let different = 0;
  for (let i = 0; i < Math.min(count, BEGINNING_WORDS); i++) {
    const hash = hashes[i] as number;
    let slot = hash & 511;
    while (table[slot] !== 0 && table[slot] !== hash) slot = (slot + 1) & 511;
    if (table[slot] === hash) continue; // a word without letters or digits, 0, is never new
    table[slot] = hash;
    different += 1;
  }
  return different;
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

function hashOf(word: string): number {
  let hash = FNV_START;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), FNV_PRIME);
  return hash >>> 0 || 1;
}

function buildTables(): WordTables {
  const kind = new Uint8Array(0x10000);
  const group = new Uint8Array(0x10000);
  const lower = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);
  for (const unit of unitsIn(/[\p{L}\p{M}]+/gu)) kind[unit] = KIND.lower;
  for (const unit of unitsIn(/\p{N}+/gu)) kind[unit] = KIND.digit;
  for (const unit of unitsIn(/\p{Changes_When_Lowercased}+/gu)) {
    const lowered = String.fromCharCode(unit).toLowerCase();
    if (lowered.length === 1) lower[unit] = lowered.charCodeAt(0);
    if (kind[unit] === KIND.lower) kind[unit] = KIND.upper;
  }
  for (const unit of unitsIn(/[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]+/gu))
    if (unit < 0xd800) group[unit] = GROUP.otherScript;
  const set = (array: Uint8Array, characters: string, value: number) => {
    for (const character of characters) array[character.charCodeAt(0)] = value;
  };
  set(kind, "\"'„”“’‘‚«»()[]-–—/;*&%§°+=<>_#@|~\\•", KIND.mark);
  set(kind, ".!?…", KIND.end);
  set(kind, ",", KIND.comma);
  set(kind, ":", KIND.colon);
  // Kashubian and Silesian share most of these, the other neighbours none; ó, ć and ń are shared
  set(group, "ąęłńśźżĄĘŁŃŚŹŻ", GROUP.polish);
  // Czech, Slovak, Kashubian, Silesian, Lithuanian, Croatian, German; é is old Polish spelling and not among them
  set(group, "ěřůčšžďťňľĺŕôäëöüßãòùõÿőűđōŏíáýČŠŽŘĚ", GROUP.foreign);
  return { kind, group, lower, ...placeStopWords([...USUAL_WORDS, ...MORE_STOP_WORDS].map(hashOf)) };
}

/** Tries factors until each of the words has a slot of its own. */
function placeStopWords(hashes: readonly number[]): Pick<WordTables, "stop" | "usual" | "stopFactor"> {
  for (let stopFactor = 1; ; stopFactor += 2) {
    const slots = hashes.map((hash) => slotOf(hash, stopFactor));
    if (new Set(slots).size < slots.length) continue;
    const stop = new Uint32Array(STOP_SLOTS);
    const usual = new Uint32Array(STOP_SLOTS);
    for (const [i, slot] of slots.entries()) {
      stop[slot] = hashes[i] as number;
      usual[slot] = i < USUAL_WORDS.length ? 1 << i : 0;
    }
    return { stop, usual, stopFactor };
  }
}
