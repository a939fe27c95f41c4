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
const UNDERLINE = /^(.*\S.*)\r?\n(?:={3,}|-{3,})[ \t]*$/gm;
const STRONG = /\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*|__(?=\S)([^_\n]+?)(?<=\S)__/g;

/** A text without front matter is Markdown only if it holds at least one link or image of it. */
const EVIDENCE = /\]\((?:https?:|\/|\.{1,2}\/|#|mailto:)|^\[[^\]\n]+\]:[ \t]*(?:https?:|\/)|\{%[-\s]/m;

/**
 * Turns Markdown of blogs into text: YAML front matter reduced to its title, Liquid tags and images removed,
 * links by their labels, headings as lines. Code blocks and lists stay.
 */
export const markdown: Step = {
  name: "markdown",
  version: 1,
  create: () => (text, measures) => {
    const hasFrontMatter = text.startsWith("---") || text.startsWith("\uFEFF---");
    if (!hasFrontMatter && !measures.has(SIGN.bracket)) return keep(text);
    const frontMatter = hasFrontMatter ? FRONT_MATTER.exec(text) : null;
    if (frontMatter === null && !(/\]\(|\]:|\{%/.test(text) && EVIDENCE.test(text))) return keep(text);
    const title = TITLE.exec(frontMatter?.[1] ?? "")?.[1] ?? "";
    const body = frontMatter === null ? text : text.slice(frontMatter[0].length);
    const links = body
      .replace(LIQUID, "")
      .replace(REFERENCE, "")
      .replace(IMAGE, "")
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
