import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/** A shorter line may well be said twice. */
const MIN_REPEATED = 20;
/** Buttons and labels of a page's posts, such as "Odpowiedz" or "Zgłoś nadużycie". */
const MAX_LABEL = 30;
/** A label stands below every post; fewer times, it may be a heading or a refrain. */
const MIN_LABELS = 6;
/** Names of speakers repeat too: they end in a colon, or stand in capitals. */
const IS_LABEL = /^\p{Lu}[\p{L}\d ]*\p{Ll}[\p{L}\d ]*[!»>]*$/u;

/** Removes lines that directly repeat the one before, and labels that stand in a page again and again. */
export const repeatedLines: Step = {
  name: "repeated-lines",
  version: 1,
  addsNoSigns: true,
  create: (profile) =>
    profile.removeRepeatedLines
      ? (text, measures) =>
          keep(measures.has(SIGN.lineEnd) ? removeRepeated(text, measures.splitLines) : text)
      : undefined,
};

function removeRepeated(text: string, lines: readonly string[]): string {
  const labels = findLabels(lines);
  if (labels.size === 0 && !hasRepeated(lines)) return text;
  const kept: string[] = [];
  let previous = "";
  for (const line of lines) {
    // only a short line's hash is worth working out
    if (line.length <= MAX_LABEL && labels.has(line)) continue;
    const isTitle = kept.length <= 2; // the page's title, and its heading below
    if (line !== "" && line === previous && (isTitle || line.length >= MIN_REPEATED)) continue;
    if (line !== "") previous = line;
    kept.push(line);
  }
  if (kept.length === lines.length) return text;
  return kept
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** Whether any line of some length, or the second, is the same as the last one before it that is not blank. */
function hasRepeated(lines: readonly string[]): boolean {
  let previous = "";
  for (const [i, line] of lines.entries()) {
    if (line !== "" && line === previous && (i <= 2 || line.length >= MIN_REPEATED)) return true;
    if (line !== "") previous = line;
  }
  return false;
}

function findLabels(lines: readonly string[]): ReadonlySet<string> {
  const labels = new Set<string>();
  if (lines.length < MIN_LABELS * 2) return labels;
  const counts = new Map<string, number>();
  for (const line of lines) {
    if (line === "" || line.length > MAX_LABEL) continue;
    const count = (counts.get(line) ?? 0) + 1;
    counts.set(line, count);
    if (count === MIN_LABELS && IS_LABEL.test(line)) labels.add(line);
  }
  return labels;
}
