import { SIGN } from "../measures/signs.ts";
import { EDGE, type TextLines } from "../measures/text-lines.ts";
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
      ? (text, measures) => keep(measures.has(SIGN.lineEnd) ? removeRepeated(measures.textLines) : text)
      : undefined,
};

function removeRepeated(lines: TextLines): string {
  const labels = findLabels(lines);
  if (labels.size === 0 && !hasRepeated(lines)) return lines.text;
  const kept: string[] = [];
  let previous = "";
  for (let i = 0; i < lines.count; i++) {
    const line = lines.line(i);
    // only a short line's hash is worth working out
    if (line.length <= MAX_LABEL && labels.has(line)) continue;
    const isTitle = kept.length <= 2; // the page's title, and its heading below
    if (line !== "" && line === previous && (isTitle || line.length >= MIN_REPEATED)) continue;
    if (line !== "") previous = line;
    kept.push(line);
  }
  if (kept.length === lines.count) return lines.text;
  return kept
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** Whether any line of some length, or the second, is the same as the last one before it that is not blank. */
function hasRepeated(lines: TextLines): boolean {
  let previous = -1;
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i)) continue;
    const mayRepeat = previous >= 0 && lines.length(i) === lines.length(previous);
    if (mayRepeat && (i <= 2 || lines.length(i) >= MIN_REPEATED) && lines.line(i) === lines.line(previous))
      return true;
    previous = i;
  }
  return false;
}

function findLabels(lines: TextLines): ReadonlySet<string> {
  const labels = new Set<string>();
  if (lines.count < MIN_LABELS * 2) return labels;
  const counts = new Map<string, number>();
  for (let i = 0; i < lines.count; i++) {
    if (lines.length(i) > MAX_LABEL || !lines.has(i, EDGE.capital)) continue;
    const line = lines.line(i);
    const count = (counts.get(line) ?? 0) + 1;
    counts.set(line, count);
    if (count === MIN_LABELS && IS_LABEL.test(line)) labels.add(line);
  }
  return labels;
}
