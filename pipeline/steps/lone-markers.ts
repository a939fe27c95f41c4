import { IN_LINE } from "../measures/line-table.ts";
import type { TextLines } from "../measures/text-lines.ts";

/** The number of a list item that an extraction left on a line of its own. */
const MARKER = /^\d{1,3}[.)]$/;
/** Fewer that count up may be anything. */
const MIN_MARKERS = 3;
/** Lines from one to the next at most; chapters and poems that are numbered so are longer. */
const MAX_DISTANCE = 12;

/** Shorter lines behind a number are a verse of a numbered song. */
const MIN_TEXT = 45;

/** The text with the numbers of a list's items, alone on their lines, put before the texts they belong to. */
export function joinLoneMarkers(lines: TextLines): string {
  const markers: number[] = [];
  for (let at = 0; at < lines.count; at++) {
    if (lines.length(at) <= 4 && lines.holds(at, IN_LINE.digit) && MARKER.test(lines.line(at)))
      markers.push(at);
  }
  if (markers.length === 0) return lines.text;
  const numberAt = (at: number) => Number.parseInt(lines.line(at), 10);
  const joined = new Set<number>();
  for (let start = 0; start < markers.length; ) {
    let end = start + 1;
    for (; end < markers.length; end++) {
      const [before, at] = [markers[end - 1] as number, markers[end] as number];
      if (numberAt(at) !== numberAt(before) + 1 || at - before > MAX_DISTANCE) break;
    }
    if (end - start >= MIN_MARKERS) for (const at of markers.slice(start, end)) joined.add(at);
    start = end;
  }
  // one whose neighbours stand before their texts belongs to the same list
  const numbered = numbersBeforeTexts(lines);
  for (const at of markers)
    if (numbered.has(numberAt(at) - 1) && numbered.has(numberAt(at) + 1)) joined.add(at);
  if (joined.size === 0) return lines.text;
  const result: string[] = [];
  for (let i = 0; i < lines.count; i++) {
    const line = lines.line(i);
    const text = i + 1 < lines.count && lines.isBlank(i + 1) ? i + 2 : i + 1;
    const own = lines.line(text);
    if (joined.has(i) && own.length >= MIN_TEXT && /^\p{L}/u.test(own)) {
      result.push(`${line} ${own}`);
      i = text;
    } else result.push(line);
  }
  return result.join("\n");
}

/** The numbers with a full stop that lines begin with. */
function numbersBeforeTexts(lines: TextLines): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (let at = 0; at < lines.count; at++) {
    if (!lines.holds(at, IN_LINE.digit)) continue;
    const number = /^(?:0|[1-9]\d{0,3})(?=\. )/.exec(lines.line(at))?.[0];
    if (number !== undefined) numbers.add(Number(number));
  }
  return numbers;
}
