import { SIGN } from "../measures/signs.ts";
import { replaceEnclosed } from "./enclosures.ts";
import { keep, type Step } from "./step.ts";

/** There is one way only to read a line: with two, front matter without an end would take 2 to the number of its lines. */
const FRONT_MATTER =
  /^\uFEFF?---[ \t]*\r?\n((?:[ \t]*[\w#[\]{},"'-].*\r?\n|[ \t]*\r?\n)*?)---[ \t]*(?:\r?\n|$)/;
const TITLE = /^title:[ \t]*["']?(.*)$/m;
const LIQUID_TAG = { open: /\{%[-\s]/g, close: /%\}/g };
const LIQUID = /\{\{[^{}\n]*\}\}|\{:[^{}\n]*\}/g;
const REFERENCE = /^[ \t]*\[[^\]\r\n\u2028\u2029]+\]:[ \t]*\S+.*$/gm;
/** Found without a target, too: what stands between its brackets is then not read again for one that begins in it. */
const IMAGE = /!\[[^\]\n]*(\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)|\[[^\]\n]*\]))?/g;
const LINK = /\[([^[\]\n]+)\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)|\[[^\]\n]*\])/g;
const WRAPPED_LINK = /\[([^[\]]{1,200})\]\[[^\]\n]{0,100}\]/g;
const HEADING = /^#{1,6}[ \t]+(.*)$/gm;
/** That the line is not blank is asked ahead: a search that could go back over it would take the square of its length. */
const UNDERLINE = /^(?=.*\S)(.*)\r?\n(?:={3,}|-{3,})[ \t]*$/gm;
const STRONG = /\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*|__(?=\S)([^_\n]+?)(?<=\S)__/g;

const EMPHASIS = /(?<![*\p{L}\p{N}])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![*\p{L}\p{N}])/gu;

/** A line that goes on with a sentence: it begins in small letters, or with a link that was set on its own line. */
const GOES_ON = /^(?:[„"(]?\p{Ll}|\[)/u;
/** A word that no sentence ends in: the line goes on, whatever the next begins with. */
const OPEN_WORD =
  /(?:^|[\s(„"])(?:[aiouwzAIOUWZ]|we|ze|na|do|od|po|za|pod|nad|przy|przez|dla|bez|oraz|lub|albo|ani|czyli|niż|jako|około|ok\.|niecałe|prawie|ponad|nr|im\.|ul\.|ulica|ulicą|ulicy|że|aby|żeby|gdyż|bo|gdy|czy|ale|się|jest|są|był[aoy]?)$/u;
/** A line that a sentence ends in, or a break the author asked for. */
const ENDED = /(?:[.!?…:;]["”»’)]*| {2}|\\|<br ?\/?>)$/;
/** Two shorter lines of which one goes on in small letters may be verse, unless they end in a link, which has a line of its own. */
const MIN_PROSE = 45;
/** Share of a text's lines that must be as long for its short ones to be prose as well. */
const MIN_PROSE_SHARE = 0.5;
/** A line as long as this that stops without a mark is no title and no verse. */
const MIN_FULL = 60;
const LINK_END = /\]\([^()\s]*\)$|\]\[[^\]]*\]$/;
/** Where hardly any of the line ends is a blank line, they all are paragraphs' ends. */
const MIN_BLANK_SHARE = 0.1;
const FENCE = /^\s*(?:```|~~~)/;

/** A text without front matter is Markdown only if it holds at least one link or image of it. */
const EVIDENCE =
  /\]\((?:https?:|\/|\.{1,2}\/|#|mailto:)|^\[[^\]\r\n\u2028\u2029]+\]:[ \t]*(?:https?:|\/)|\{%[-\s]/m;

/** Each kind of evidence holds one of these, whose first signs are rare: a search for them is fast. */
const mayBeMarkdown = (text: string) => text.includes("](") || text.includes("]:") || text.includes("{%");

/**
 * Turns Markdown of blogs into text: YAML front matter reduced to its title, Liquid tags and images removed,
 * links by their labels, headings as lines, sentences in one line. Code blocks and lists stay.
 */
export const markdown: Step = {
  name: "markdown",
  version: 5,
  create: () => (text, measures) => {
    const hasFrontMatter = text.startsWith("---") || text.startsWith("\uFEFF---");
    if (!hasFrontMatter && !measures.has(SIGN.bracket)) return keep(text);
    const frontMatter = hasFrontMatter ? FRONT_MATTER.exec(text) : null;
    if (frontMatter === null && !(mayBeMarkdown(text) && EVIDENCE.test(text))) return keep(text);
    const title = titleOf(frontMatter?.[1] ?? "");
    const body = frontMatter === null ? text : text.slice(frontMatter[0].length);
    const stripped = replaceEnclosed(body, LIQUID_TAG, () => "")
      .replace(LIQUID, "")
      .replace(REFERENCE, "")
      .replace(IMAGE, (image, target: string | undefined) => (target === undefined ? image : ""));
    const links = (frontMatter === null ? stripped : joinSoftBreaks(stripped))
      .replace(LINK, "$1")
      .replace(WRAPPED_LINK, "$1")
      .replace(HEADING, (_, heading: string) => withoutBlanks(heading.replace(/(?<!#)#+$/, "")));
    const plain = (/\n(?:===|---)/.test(links) ? links.replace(UNDERLINE, "$1\n") : links).replace(
      STRONG,
      "$1$2",
    );
    const bare = frontMatter === null ? plain : plain.replace(EMPHASIS, "$1");
    return keep(title === "" ? bare : `${title}\n\n${bare}`);
  },
};

const withoutBlanks = (line: string) => line.replace(/(?<![ \t])[ \t]+$/, "");

/** The title that front matter gives, without the quotes around it. */
function titleOf(frontMatter: string): string {
  const title = withoutBlanks(TITLE.exec(frontMatter)?.[1] ?? "");
  return /["']$/.test(title) ? title.slice(0, -1) : title;
}

function hasBlankLines(text: string): boolean {
  const lines = text.split("\n");
  return lines.filter((line) => line.trim() === "").length >= lines.length * MIN_BLANK_SHARE;
}

/** Whether a line of text, or of a list's item, stops inside a sentence. */
const isOpen = (line: string) =>
  /^\s*(?:(?:[-*+]|\d+[.)])\s+)?[\p{L}\d„"([]/u.test(line) && !ENDED.test(line);

/** Whether a line is the rest of a sentence: as it begins, or since the line before is long, or ends in no last word. */
function goesOn(previous: string, line: string): boolean {
  if (GOES_ON.test(line.trimStart())) return true;
  const mayGoOn = /^\s*[\p{Lu}\d„"(]/u.test(line) && !/^\s*\d+[.)]\s/.test(line);
  return (
    mayGoOn &&
    (OPEN_WORD.test(previous) ||
      (previous.length >= MIN_FULL && (/[\p{L},–-]$/u.test(previous) || LINK_END.test(previous))))
  );
}

/** A line end inside a paragraph is a space to Markdown; inside a sentence we take it for one. */
function joinSoftBreaks(text: string): string {
  if (!hasBlankLines(text.trim())) return text;
  const joined: string[] = [];
  const lines = text.split(/\r?\n/);
  const long = lines.filter((line) => line.length >= MIN_PROSE).length;
  const isMostlyProse = long >= lines.filter((line) => line.trim() !== "").length * MIN_PROSE_SHARE;
  let isCode = false;
  let previous = "";
  for (const line of lines) {
    if (FENCE.test(line)) isCode = !isCode;
    const isLong = previous.length >= MIN_PROSE || line.length >= MIN_PROSE;
    const isProse = isMostlyProse || isLong || line.startsWith("[") || LINK_END.test(previous);
    if (!isCode && isProse && isOpen(previous) && goesOn(previous, line))
      joined[joined.length - 1] += ` ${line.trimStart()}`;
    else joined.push(line);
    previous = line;
  }
  return joined.join("\n");
}
