import type { TextMeasures } from "../measures/text-measures.ts";
import type { Profile } from "../profiles.ts";
import { detectBySamples } from "./language.ts";
import { drop, keep, type Step } from "./step.ts";

/** Shorter passages are quotations, titles and names; the detector is sure of longer ones. */
const MIN_PASSAGE = 200;
/** Lines below this length say little; they go with the lines around them. */
const MIN_LINE = 60;
/** Polish letters among all signs below which a line is looked at: Polish prose has 6 to 8 %, and no line of
 * 100 signs in the clean corpus less than 1 % (2026-11). */
const FEW_POLISH_LETTERS = 0.01;

const isPolish = new Uint8Array(0x180);
for (const letter of "ąęłńśźżĄĘŁŃŚŹŻ") isPolish[letter.charCodeAt(0)] = 1;

/**
 * Finds passages of another language inside a text: abstracts, quoted letters, the other half of a bilingual
 * page. Where most of the text is such, it is dropped; elsewhere the passages are removed when the profile says
 * so. A text without any Polish passage is left to the step `language`, which names what it is.
 */
export const foreignParagraphs: Step = {
  name: "foreign-paragraphs",
  version: 1,
  addsNoSigns: true,
  create: (profile) => (text, measures) => {
    if (text.length < MIN_PASSAGE || !text.includes("\n")) return keep(text);
    return hasSuspiciousLine(text) ? judge(measures, profile) : keep(text);
  },
};

function judge(measures: TextMeasures, { maxForeignShare, removeForeignParagraphs }: Profile) {
  const { text, splitLines: lines } = measures;
  const foreign = findForeign(lines);
  if (foreign.characters === 0 || foreign.characters >= text.length - lines.length) return keep(text);
  if (foreign.characters > text.length * maxForeignShare) return drop("foreign-paragraphs");
  if (!removeForeignParagraphs) return keep(text);
  const rest = lines.filter((_, i) => foreign.lines[i] === 0).join("\n");
  return keep(rest.replace(/\n{3,}/g, "\n\n").trim());
}

/** Whether any line could begin a foreign passage: most texts have none, and are not cut into lines. */
function hasSuspiciousLine(text: string): boolean {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (end - start >= MIN_LINE && hasFewPolishLetters(text, start, end)) return true;
    start = end + 1;
  }
  return false;
}

/** Marks runs of lines that hardly have a Polish letter and that the detector takes for another language. */
function findForeign(lines: readonly string[]): { readonly lines: Uint8Array; readonly characters: number } {
  const marked = new Uint8Array(lines.length);
  let characters = 0;
  for (let start = 0; start < lines.length; ) {
    const end = endOfRun(lines, start);
    if (end > start) {
      const passage = lines.slice(start, end).join("\n");
      if (passage.length >= MIN_PASSAGE && isForeign(passage)) {
        marked.fill(1, start, end);
        characters += passage.length;
      }
    }
    start = Math.max(end, start + 1);
  }
  return { lines: marked, characters };
}

/** Where the run of suspicious lines that begins here ends; short lines inside it belong to it. */
function endOfRun(lines: readonly string[], start: number): number {
  let end = start;
  for (let i = start; i < lines.length; i++) {
    const line = lines[i] as string;
    if (!hasFewPolishLetters(line, 0, line.length)) break;
    if (line.length >= MIN_LINE) end = i + 1;
    else if (end === start) break;
  }
  return end;
}

function hasFewPolishLetters(text: string, start: number, end: number): boolean {
  const most = (end - start) * FEW_POLISH_LETTERS;
  let found = 0;
  for (let i = start; i < end; i++) {
    if (isPolish[text.charCodeAt(i)] === 1 && ++found > most) return false;
  }
  return true;
}

function isForeign(passage: string): boolean {
  const detected = detectBySamples(passage);
  return detected !== "pl" && detected !== "";
}
