import { keep, type Step } from "./step.ts";

/** A text is wrapped only if its full lines have such a width: typewriters, mail, e-book plain text. */
const MIN_WIDTH = 40;
const MAX_WIDTH = 110;
/** Fewer line pairs prove nothing. */
const MIN_PAIRS = 3;
/** Share of line pairs in which the next line's first word really did not fit any more. */
const MIN_WRAPPED_SHARE = 0.7;

/** A line that begins something of its own: a list item, a turn of dialogue, a numbered paragraph. */
const STARTS_ANEW = /^(?:[-–—•*·▪►]\s|\(?\p{L}?\d{1,3}[.)]\s|§\s?\d|[a-z]\)\s)/u;
const ENDS_SENTENCE = /[.!?…:;]["”»’)\]]*$/;
const HYPHENATED = /\p{Ll}-$/u;
const FIRST_WORD = /^\S+/;

/**
 * Joins lines that were wrapped at a fixed width, and words that were hyphenated at line ends.
 *
 * A line end is a wrap exactly when the next line's first word would not have fitted into the text's width.
 * If nearly all line ends of a text are of that kind the text is wrapped; verse, lists and ordinary one-line
 * paragraphs fail the test and stay as they are.
 */
export const reflow: Step = {
  name: "reflow",
  version: 1,
  create: (profile) => (profile.reflow ? (text) => keep(joinWrappedLines(text)) : undefined),
};

function joinWrappedLines(text: string): string {
  const lines = text.split("\n");
  const width = wrapWidth(lines);
  if (width === undefined) return text;
  const joined: string[] = [];
  for (const line of lines) {
    const previous = joined.at(-1);
    if (previous === undefined || !continues(lastLine(previous), line, width)) joined.push(line);
    else joined[joined.length - 1] = join(previous, line, text);
  }
  // what was joined is remembered with its wraps, so that `lastLine` sees the original line
  return joined.map((paragraph) => paragraph.replaceAll(WRAP, "")).join("\n");
}

/** Marks a joined line end until the text is put together; unicode.ts has removed it from the input. */
const WRAP = "\u0001";

const lastLine = (paragraph: string) => paragraph.slice(paragraph.lastIndexOf(WRAP) + 1);

/** The width the text was wrapped at, in characters; undefined when it was not wrapped. */
function wrapWidth(lines: readonly string[]): number | undefined {
  const lengths = lines.filter((line) => line !== "").map((line) => line.length);
  if (lengths.length <= MIN_PAIRS) return undefined;
  lengths.sort((a, b) => a - b);
  const width = lengths[Math.floor(lengths.length * 0.95)] ?? 0;
  if (width < MIN_WIDTH || width > MAX_WIDTH) return undefined;
  let pairs = 0;
  let wrapped = 0;
  for (let i = 1; i < lines.length; i++) {
    const [line, next] = [lines[i - 1] as string, lines[i] as string];
    if (line === "" || next === "" || STARTS_ANEW.test(next)) continue;
    pairs += 1;
    if (isWrap(line, next, width)) wrapped += 1;
  }
  return pairs >= MIN_PAIRS && wrapped >= pairs * MIN_WRAPPED_SHARE ? width : undefined;
}

function isWrap(line: string, next: string, width: number): boolean {
  if (HYPHENATED.test(line)) return true;
  const firstWord = FIRST_WORD.exec(next)?.[0].length ?? 0;
  return line.length + 1 + firstWord > width;
}

/** Whether `next` goes on with the sentence or paragraph that `line` left open. */
function continues(line: string, next: string, width: number): boolean {
  if (line === "" || next === "" || STARTS_ANEW.test(next)) return false;
  if (isWrap(line, next, width)) return true;
  return !ENDS_SENTENCE.test(line) && /^\p{Ll}/u.test(next);
}

/** Puts two lines together; a hyphen goes when it only marked the break inside a word. */
function join(paragraph: string, next: string, text: string): string {
  if (!HYPHENATED.test(paragraph) || !/^\p{Ll}/u.test(next)) return `${paragraph} ${WRAP}${next}`;
  const head = /[\p{L}-]+-$/u.exec(paragraph)?.[0] ?? "-";
  const tail = /^\p{L}+/u.exec(next)?.[0] ?? "";
  const isRealHyphen = text.includes(head + tail); // the same compound stands unbroken elsewhere
  return `${isRealHyphen ? paragraph : paragraph.slice(0, -1)}${WRAP}${next}`;
}
