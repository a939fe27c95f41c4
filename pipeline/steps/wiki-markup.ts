import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { keep, type Step } from "./step.ts";
import { mendStripped, removePictures } from "./stripped-wiki.ts";
import { linearTex } from "./tex.ts";

/** Signs of MediaWiki markup; one alone may be a quotation of it, so a text must hold two. */
const EVIDENCE = /\[\[[^[\]\n]+\]\]|\{\{[^{}]+\}\}|'{2,3}\p{L}|^={2,5} ?[^=\n]+ ?={2,5}\s*$/gmu;
const MIN_EVIDENCE = 2;

const REFERENCES =
  /<references\b[^>]*\/>|<references\b[^>]*>[\s\S]*?<\/references\s*>|<ref\b[^>]*\/>|<ref\b[^>]*>[\s\S]*?<\/ref\s*>/gi;
/** What they hold is text, or code. */
const PLAIN_TAG = /<\/?(?:nowiki|source|syntaxhighlight|poem)\b[^>]*>/gi;
const FORMULA = /<math\b[^>]*>([\s\S]*?)<\/math\s*>/gi;
const EXTENSIONS = /<(gallery|timeline|score)\b[^>]*>[\s\S]*?<\/\1\s*>/gi;
const COMMENTS = /<!--[\s\S]*?-->/g;
const INNER_TEMPLATE = /\{\{[^{}]*\}\}/g;
const INNER_TABLE = /^\s*\{\|(?:(?!^\s*\{\|)[\s\S])*?^\s*\|\}[^\n]*/gm;
const MEDIA =
  /\[\[(?:Plik|Grafika|File|Image|Obraz|Kategoria|Category|[a-z]{2,3}(?:-[a-z]+)*|simple):(?:[^[\]]|\[\[[^[\]]*\]\]|\[[^[\]]*\])*\]\]/gi;
const LABELLED_LINK = /\[\[[^[\]|]*\|([^[\]|]*)\]\]/g;
const LINK = /\[\[([^[\]|]*)\]\]/g;
const OUTER_LINK = /\[(?:https?|ftp):\/\/[^\s\]]+(?:\s+([^\]]*))?\]/g;
const HEADING = /^={1,6}\s*([^=\n]+?)\s*={1,6}\s*$/gm;
const EMPHASIS = /'{2,5}/g;
/** A list's item without a text: what it held is gone, or the line only divides articles. */
const EMPTY_ITEM = /^[ \t]*[*#]+[ \t]*$\n?/gm;
const LIST_MARK = /^[ \t]*[*#]+[ \t]*/gm;
const INDENT = /^[:;]+\s*/gm;
const SWITCH = /__[A-ZĄĆĘŁŃÓŚŹŻ]{3,}__/g;
/** What a removed template leaves: empty brackets, or a bracket that begins with a comma. */
const EMPTY_BRACKETS = / ?\(\s*[,;–-]?\s*\)/g;
/** … or a space before the mark that came behind it. */
const LOOSE_MARK = / +(?=[.,;:](?:\s|$))/g;
/** A list of links to other articles and pages: their labels are no text. */
const LINK_SECTION =
  /^={2,6} *(?:Linki? zewnętrzn[ey]|Zobacz (?:też|także|również)) *={2,6}[ \t]*(?:\n[ \t]*(?:(?:[*#:;<]|\[https?:)[^\n]*)?)*(?=\n==|(?![\s\S]))/gimu;
/** Templates and tables stand in each other; deeper than this is not an article. */
const MAX_DEPTH = 12;

/** Turns MediaWiki markup into text: links by their labels, templates, tables, files and references removed. */
export const wikiMarkup: Step = {
  name: "wiki-markup",
  version: 7,
  addsNoSigns: true,
  create: () => (text, measures) => {
    const plain = withoutMarkup(text, measures);
    return keep(plain !== text || measures.has(SIGN.gluedHeading) ? mendStripped(plain) : plain);
  },
};

function withoutMarkup(text: string, measures: TextMeasures): string {
  if (measures.has(SIGN.separator) && text.includes("thumb|")) return removePictures(stripWikiMarkup(text));
  if (!measures.has(SIGN.bracket | SIGN.apostrophe)) return text;
  if (!text.includes("[[") && !text.includes("{{") && !text.includes("''")) return text;
  return (text.match(EVIDENCE)?.length ?? 0) < MIN_EVIDENCE ? text : stripWikiMarkup(text);
}

/** Also used by the reader of MediaWiki dumps, where no evidence is needed. */
function stripWikiMarkup(text: string): string {
  let result = text
    .replace(COMMENTS, "")
    .replace(REFERENCES, "")
    .replace(FORMULA, (_, formula: string) => linearTex(formula))
    .replace(EXTENSIONS, "")
    .replace(PLAIN_TAG, "");
  result = untilStable(result, (current) => current.replace(INNER_TEMPLATE, ""));
  result = untilStable(result, (current) => current.replace(INNER_TABLE, ""));
  return withoutEmptySections(result.replace(MEDIA, "").replace(LINK_SECTION, dropLabels))
    .replace(LABELLED_LINK, "$1")
    .replace(LINK, "$1")
    .replace(OUTER_LINK, "$1")
    .replace(HEADING, "\n$1\n")
    .replace(EMPHASIS, "")
    .replace(EMPTY_ITEM, "")
    .replace(LIST_MARK, "- ")
    .replace(INDENT, "")
    .replace(SWITCH, "")
    .replace(EMPTY_BRACKETS, "")
    .replace(LOOSE_MARK, "");
}

/** Items that explain what they link to, in sentences, are text. */
const dropLabels = (section: string) =>
  /.{40}\.[ \t]*$/m.test(section) && !/zewnętrzn/i.test(section) ? section : "";

/** Drops headings under which nothing stands, neither text nor a heading below their own. */
function withoutEmptySections(text: string): string {
  const headings = [...text.matchAll(HEADING)];
  let rest = "";
  let copied = text.length;
  let levelBelow = 0;
  for (const heading of headings.reverse()) {
    const end = heading.index + heading[0].length;
    const level = /^=+/.exec(heading[0])?.[0].length ?? 0;
    if (/^[\s*#]*$/.test(text.slice(end, copied)) && levelBelow <= level) {
      copied = heading.index;
      continue;
    }
    rest = text.slice(heading.index, copied) + rest;
    copied = heading.index;
    levelBelow = level;
  }
  return text.slice(0, copied) + rest;
}

function untilStable(text: string, change: (text: string) => string): string {
  let current = text;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const next = change(current);
    if (next === current) break;
    current = next;
  }
  return current;
}
