/** Shapes of a text's lines, blank ones left out. */
export interface Lines {
  readonly count: number;
  readonly blank: number;
  /** Lines that begin with a bullet, end in an ellipsis, end in sentence punctuation, or hold one word. */
  readonly bullets: number;
  readonly ellipses: number;
  readonly punctuated: number;
  readonly oneWord: number;
  /** Lines of up to 30 characters. */
  readonly short: number;
  readonly characters: number;
  /** Lines that stood in the text before, and the characters in them. */
  readonly duplicates: number;
  readonly duplicateCharacters: number;
}

const SHORT_LINE = 30;
const BULLETS = new Set([..."-–•*·▪►‣"].map((bullet) => bullet.charCodeAt(0)));
const PUNCTUATION = new Set([...'.!?…:;,"”»“)'].map((mark) => mark.charCodeAt(0)));

export function readLines(text: string): Lines {
  const lines = { count: 0, blank: 0, bullets: 0, ellipses: 0, punctuated: 0, oneWord: 0, short: 0 };
  const places: number[] = [];
  let total = 0;
  for (let start = 0; start <= text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    if (end === start) lines.blank += 1;
    else {
      lines.count += 1;
      total += end - start;
      places.push(start, end);
      const last = text.charCodeAt(end - 1);
      if (text.charCodeAt(start + 1) === 32 && BULLETS.has(text.charCodeAt(start))) lines.bullets += 1;
      if (last === 0x2026 || (last === 46 && text.endsWith("...", end))) lines.ellipses += 1;
      if (PUNCTUATION.has(last)) lines.punctuated += 1;
      if (end - start <= SHORT_LINE) lines.short += 1;
      if (isOneWord(text, start, end)) lines.oneWord += 1;
    }
    start = end + 1;
  }
  return { ...lines, characters: total, ...findDuplicates(text, places) };
}

function isOneWord(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) === 32) return false;
  return true;
}

/** The lines that stood in the text before; `places` holds where each line begins and ends. */
function findDuplicates(
  text: string,
  places: readonly number[],
): Pick<Lines, "duplicates" | "duplicateCharacters"> {
  const found = { duplicates: 0, duplicateCharacters: 0 };
  if (places.length < 4) return found;
  // most lines differ from all others at their ends already, and need not be compared as a whole
  const ends = new Map<number, number>();
  const keys: number[] = [];
  for (let i = 0; i < places.length; i += 2) {
    const key = keyOfEnds(text, places[i] as number, places[i + 1] as number);
    keys.push(key);
    ends.set(key, (ends.get(key) ?? 0) + 1);
  }
  if (ends.size === keys.length) return found;
  const seen = new Set<string>();
  for (const [i, key] of keys.entries()) {
    if (ends.get(key) === 1) continue;
    const line = text.slice(places[i * 2], places[i * 2 + 1]);
    if (seen.has(line)) {
      found.duplicates += 1;
      found.duplicateCharacters += line.length;
    } else seen.add(line);
  }
  return found;
}

/** A 32-bit hash of a line's length and its first and last few characters. */
function keyOfEnds(text: string, start: number, end: number): number {
  let key = end - start;
  const few = Math.min(6, end - start);
  for (let i = 0; i < few; i++) {
    key = Math.imul(key ^ text.charCodeAt(start + i), 0x01000193);
    key = Math.imul(key ^ text.charCodeAt(end - 1 - i), 0x85ebca6b);
    key ^= key >>> 15;
  }
  return key;
}
