import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

const FRONT_MATTER =
  /^\uFEFF?---[ \t]*\r?\n((?:[ \t]*(?:[\w-]+:|-|#|[[\]{},"']|\w).*\r?\n|[ \t]*\r?\n)*?)---[ \t]*(?:\r?\n|$)/;
const TITLE = /^title:[ \t]*["']?(.*?)["']?[ \t]*\r?$/m;
const LIQUID = /\{%[-\s][\s\S]*?%\}|\{\{[^{}\n]*\}\}|\{:[^{}\n]*\}/g;
const REFERENCE = /^[ \t]*\[[^\]\n]+\]:[ \t]*\S+.*$/gm;
const IMAGE = /!\[[^\]\n]*\](?:\([^()\n]*(?:\([^()\n]*\))?[^()\n]*\)|\[[^\]\n]*\])/g;
const LINK = /\[([^[\]\n]+)\](?:\([^()\n]*(?:\([^()\n]*\))?[^()\n]*\)|\[[^\]\n]*\])/g;
const WRAPPED_LINK = /\[([^[\]]{1,200})\]\[[^\]\n]{0,100}\]/g;
const HEADING = /^#{1,6}[ \t]+(.*?)[ \t]*#*$/gm;
/** That the line is not blank is asked ahead: a search that could go back over it would take the square of its length. */
const UNDERLINE = /^(?=.*\S)(.*)\r?\n(?:={3,}|-{3,})[ \t]*$/gm;
const STRONG = /\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*|__(?=\S)([^_\n]+?)(?<=\S)__/g;

/** A line that goes on with a sentence: it begins in small letters, or with a link that was set on its own line. */
const GOES_ON = /^(?:[„"(]?\p{Ll}|\[)/u;
/** A line that a sentence ends in, or a break the author asked for. */
const ENDED = /(?:[.!?…:;]["”»’)]*| {2}|\\|<br ?\/?>)$/;
/** Two shorter lines of which one goes on in small letters may be verse, unless they end in a link, which has a line of its own. */
const MIN_PROSE = 45;
const LINK_END = /\]\([^()\s]*\)$|\]\[[^\]]*\]$/;
/** Where hardly any of the line ends is a blank line, they all are paragraphs' ends. */
const MIN_BLANK_SHARE = 0.1;
const FENCE = /^\s*(?:```|~~~)/;

/** A text without front matter is Markdown only if it holds at least one link or image of it. */
const EVIDENCE = /\]\((?:https?:|\/|\.{1,2}\/|#|mailto:)|^\[[^\]\n]+\]:[ \t]*(?:https?:|\/)|\{%[-\s]/m;

/**
 * Turns Markdown of blogs into text: YAML front matter reduced to its title, Liquid tags and images removed,
 * links by their labels, headings as lines, sentences in one line. Code blocks and lists stay.
 */
export const markdown: Step = {
  name: "markdown",
  version: 4,
  create: () => (text, measures) => {
    const hasFrontMatter = text.startsWith("---") || text.startsWith("\uFEFF---");
    if (!hasFrontMatter && !measures.has(SIGN.bracket)) return keep(text);
    const frontMatter = hasFrontMatter ? FRONT_MATTER.exec(text) : null;
    if (frontMatter === null && !(/\]\(|\]:|\{%/.test(text) && EVIDENCE.test(text))) return keep(text);
    const title = TITLE.exec(frontMatter?.[1] ?? "")?.[1] ?? "";
    const body = frontMatter === null ? text : text.slice(frontMatter[0].length);
    const bare = body.replace(LIQUID, "").replace(REFERENCE, "").replace(IMAGE, "");
    const links = (frontMatter === null ? bare : joinSoftBreaks(bare))
      .replace(LINK, "$1")
      .replace(WRAPPED_LINK, "$1")
      .replace(HEADING, "$1");
    const plain = (/\n(?:===|---)/.test(links) ? links.replace(UNDERLINE, "$1\n") : links).replace(
      STRONG,
      "$1$2",
    );
    return keep(title === "" ? plain : `${title}\n\n${plain}`);
  },
};

function hasBlankLines(text: string): boolean {
  const lines = text.split("\n");
  return lines.filter((line) => line.trim() === "").length >= lines.length * MIN_BLANK_SHARE;
}

/** A line end inside a paragraph is a space to Markdown; inside a sentence we take it for one. */
function joinSoftBreaks(text: string): string {
  if (!hasBlankLines(text.trim())) return text;
  const joined: string[] = [];
  let isCode = false;
  let previous = "";
  for (const line of text.split(/\r?\n/)) {
    if (FENCE.test(line)) isCode = !isCode;
    const isOpen = /^\p{L}|^[„"([]/u.test(previous) && !ENDED.test(previous);
    const isLong = previous.length >= MIN_PROSE || line.length >= MIN_PROSE;
    const isProse = isLong || line.startsWith("[") || LINK_END.test(previous);
    if (isOpen && isProse && !isCode && GOES_ON.test(line)) joined[joined.length - 1] += ` ${line}`;
    else joined.push(line);
    previous = line;
  }
  return joined.join("\n");
}
