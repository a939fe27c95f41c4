import { IN_LINE } from "../measures/line-table.ts";
import type { TextLines } from "../measures/text-lines.ts";
import type { Profile } from "../profiles.ts";
import { detectBySamples } from "./language.ts";
import { drop, keep, type Step } from "./step.ts";

/** Shorter passages are quotations, titles and names; the detector is sure of longer ones. */
const MIN_PASSAGE = 200;
/** Lines below this length say little; they go with the lines around them. */
const MIN_LINE = 60;

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
    if (text.length < MIN_PASSAGE) return keep(text);
    const lines = measures.textLines;
    return lines.count > 1 && hasSuspiciousLine(lines) ? judge(lines, profile) : keep(text);
  },
};

function judge(lines: TextLines, { maxForeignShare, removeForeignParagraphs }: Profile) {
  const { text } = lines;
  const foreign = findForeign(lines);
  if (foreign.characters === 0 || foreign.characters >= text.length - lines.count) return keep(text);
  if (foreign.characters > text.length * maxForeignShare) return drop("foreign-paragraphs");
  if (!removeForeignParagraphs) return keep(text);
  const rest = lines.without(foreign.lines);
  return keep(rest.replace(/\n{3,}/g, "\n\n").trim());
}

/** Whether any line could begin a foreign passage. */
function hasSuspiciousLine(lines: TextLines): boolean {
  for (let i = 0; i < lines.count; i++)
    if (lines.length(i) >= MIN_LINE && lines.holds(i, IN_LINE.fewPolish)) return true;
  return false;
}

/** Marks runs of lines that hardly have a Polish letter and that the detector takes for another language. */
function findForeign(lines: TextLines): { readonly lines: Uint8Array; readonly characters: number } {
  const marked = new Uint8Array(lines.count);
  let characters = 0;
  for (let start = 0; start < lines.count; ) {
    const end = endOfRun(lines, start);
    if (end > start) {
      const passage = lines.text.slice(lines.start(start), lines.end(end - 1));
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
function endOfRun(lines: TextLines, start: number): number {
  let end = start;
  for (let i = start; i < lines.count; i++) {
    if (!lines.holds(i, IN_LINE.fewPolish)) break;
    if (lines.length(i) >= MIN_LINE) end = i + 1;
    else if (end === start) break;
  }
  return end;
}

function isForeign(passage: string): boolean {
  const detected = detectBySamples(passage);
  return detected !== "pl" && detected !== "";
}
