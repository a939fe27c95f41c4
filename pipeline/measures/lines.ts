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
  /** Share of characters in lines that stood in the text before. */
  readonly duplicateShare: number;
}

const SHORT_LINE = 30;
const BULLETS = new Set([..."-–•*·▪►‣"].map((bullet) => bullet.charCodeAt(0)));
const PUNCTUATION = new Set([...'.!?…:;,"”»“)'].map((mark) => mark.charCodeAt(0)));

export function readLines(text: string): Lines {
  const lines = { count: 0, blank: 0, bullets: 0, ellipses: 0, punctuated: 0, oneWord: 0, short: 0 };
  const seen = new Set<string>();
  let duplicate = 0;
  let total = 0;
  for (let start = 0; start <= text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    if (end === start) lines.blank += 1;
    else {
      lines.count += 1;
      total += end - start;
      const last = text.charCodeAt(end - 1);
      if (BULLETS.has(text.charCodeAt(start)) && text.charCodeAt(start + 1) === 32) lines.bullets += 1;
      if (last === 0x2026 || (last === 46 && text.endsWith("...", end))) lines.ellipses += 1;
      if (PUNCTUATION.has(last)) lines.punctuated += 1;
      if (end - start <= SHORT_LINE) lines.short += 1;
      const space = text.indexOf(" ", start);
      if (space < 0 || space > end) lines.oneWord += 1;
      const line = text.slice(start, end);
      if (seen.has(line)) duplicate += line.length;
      else seen.add(line);
    }
    start = end + 1;
  }
  return { ...lines, duplicateShare: total === 0 ? 0 : duplicate / total };
}
