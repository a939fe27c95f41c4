/**
 * A number set as a footnote's mark: directly behind a word or its punctuation, before a space or a mark. That it is a
 * number is asked first: what stands before costs more to look at.
 */
const MARK = /(?=\d)(?<=\p{Ll}[.,;!?…”"]?)\d{1,3}(?=[\s,.;:!?…)”"—–-]|$)/gu;
/** Fewer prove nothing: `m2`, `CO2`, `ISO8859`. */
const MIN_MARKS = 5;
/** Share of them that must be the number before and one: notes are counted through. */
const MIN_COUNTED = 0.8;

/** Removes the marks of footnotes from running text, where they count up: `na ławie23 siedział`. */
export function removeNoteMarks(text: string): string {
  const marks = text.match(MARK);
  if (marks === null || marks.length < MIN_MARKS) return text;
  const counted = marks.filter((mark, i) => i > 0 && Number(mark) === Number(marks[i - 1]) + 1).length;
  return counted >= (marks.length - 1) * MIN_COUNTED ? text.replace(MARK, "") : text;
}
