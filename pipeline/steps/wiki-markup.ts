import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { replaceEnclosed } from "./enclosures.ts";
import { keep, type Step } from "./step.ts";
import { mendStripped, removePictures } from "./stripped-wiki.ts";
import { linearTex } from "./tex.ts";

/** Signs of MediaWiki markup; one alone may be a quotation of it, so a text must hold two. */
const EVIDENCE = /\[\[[^[\]\n]+\]\]|\{\{[^{}]+\}\}|'{2,3}\p{L}|^={2,5} ?[^=\n]{1,1000} ?={2,5}\s*$/gmu;
const MIN_EVIDENCE = 2;

const EMPTY_REFERENCE = /<ref(?:erences)?\b[^<>]*\/>/gi;
const REFERENCE = { open: /<(ref|references)\b[^<>]*>/gi, close: /<\/(ref|references)\s*>/gi };
/** What they hold is text, or code. */
const PLAIN_TAG = /<\/?(?:nowiki|source|syntaxhighlight|poem)\b[^<>]*>/gi;
const FORMULA = { open: /<math\b[^<>]*>/gi, close: /<\/math\s*>/gi };
const EXTENSION = {
  open: /<(gallery|timeline|score)\b[^<>]*>/gi,
  close: /<\/(gallery|timeline|score)\s*>/gi,
};
const COMMENT = { open: /<!--/g, close: /-->/g };
const INNER_TEMPLATE = /\{\{[^{}]*\}\}/g;
/** The line a table begins on, and the one that ends it. */
const TABLE_EDGE = /^[^\S\r\n\u2028\u2029]*(?:\{\||(\|\})[^\n]*)/gm;
const MEDIA =
  /\[\[(?:Plik|Grafika|File|Image|Obraz|Kategoria|Category|[a-z]{2,3}(?:-[a-z]+)*|simple):(?:[^[\]]|\[\[[^[\]]*\]\]|\[[^[\]]*\])*\]\]/gi;
const LABELLED_LINK = /\[\[[^[\]|]*\|([^[\]|]*)\]\]/g;
const LINK = /\[\[([^[\]|]*)\]\]/g;
/** With its address and label, up to the bracket that ends it or to the text's end. */
const OUTER_LINK = /\[(?:https?|ftp):\/\/([^\s\]][^\]]*)(\]?)/g;
/** Its title begins and ends in no space: otherwise the spaces beside it could be read in three ways. */
const HEADING = /^={1,6}(?!=)\s*([^=\s](?:[^=\n]*[^=\s])?)\s*={1,6}(?!=)\s*$/gm;
const EMPHASIS = /'{2,5}/g;
/** A list's item without a text: what it held is gone, or the line only divides articles. */
const EMPTY_ITEM = /^[ \t]*[*#]+[ \t]*$\n?/gm;
const LIST_MARK = /^[ \t]*[*#]+[ \t]*/gm;
const INDENT = /^[:;]+\s*/gm;
const SWITCH = /__[A-ZĄĆĘŁŃÓŚŹŻ]{3,}__/g;
/** What a removed template leaves: empty brackets, or a bracket that begins with a comma. */
const EMPTY_BRACKETS = / ?\(\s*(?:[,;–-]\s*)?\)/g;
/** … or a space before the mark that came behind it. */
const LOOSE_MARK = / (?<! {2}) *(?=[.,;:](?:\s|$))/g;
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
  const cut = () => "";
  let result = replaceEnclosed(text, COMMENT, cut).replace(EMPTY_REFERENCE, "");
  result = replaceEnclosed(result, REFERENCE, cut);
  result = replaceEnclosed(result, FORMULA, ({ content }) => linearTex(content));
  result = replaceEnclosed(result, EXTENSION, cut).replace(PLAIN_TAG, "");
  result = untilStable(result, (current) => current.replace(INNER_TEMPLATE, ""));
  result = untilStable(result, removeInnerTables);
  return withoutEmptySections(result.replace(MEDIA, "").replace(LINK_SECTION, dropLabels))
    .replace(LABELLED_LINK, "$1")
    .replace(LINK, "$1")
    .replace(OUTER_LINK, (link, inside: string, end: string) =>
      end === "" ? link : inside.replace(/^\S+\s*/, ""),
    )
    .replace(HEADING, "\n$1\n")
    .replace(EMPHASIS, "")
    .replace(EMPTY_ITEM, "")
    .replace(LIST_MARK, "- ")
    .replace(INDENT, "")
    .replace(SWITCH, "")
    .replace(EMPTY_BRACKETS, "")
    .replace(LOOSE_MARK, "");
}

/** Cuts out the tables that hold no other, with the blank lines above them. */
function removeInnerTables(text: string): string {
  let rest = "";
  let copied = 0;
  let start = -1;
  for (const { index, 0: edge, 1: end } of text.matchAll(TABLE_EDGE)) {
    if (end === undefined) {
      const above = text.slice(copied, index);
      start = copied + above.trimEnd().length;
      // what stands before the blank lines keeps its own line end
      if (start > 0)
        start += /^.*(?:\r\n?|[\n\u2028\u2029])?/.exec(text.slice(start, index))?.[0].length ?? 0;
    } else if (start >= 0) {
      rest += text.slice(copied, start);
      copied = index + edge.length;
      start = -1;
    }
  }
  return rest + text.slice(copied);
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
