import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { keep, type Step } from "./step.ts";

/** Signs of MediaWiki markup; one alone may be a quotation of it, so a text must hold two. */
const EVIDENCE = /\[\[[^[\]\n]+\]\]|\{\{[^{}]+\}\}|'{2,3}\p{L}|^={2,5} ?[^=\n]+ ?={2,5}\s*$/gmu;
const MIN_EVIDENCE = 2;

const REFERENCES =
  /<references\b[^>]*\/>|<references\b[^>]*>[\s\S]*?<\/references\s*>|<ref\b[^>]*\/>|<ref\b[^>]*>[\s\S]*?<\/ref\s*>/gi;
/** What they hold is text, or code. */
const PLAIN_TAG = /<\/?(?:nowiki|source|syntaxhighlight|poem)\b[^>]*>/gi;
const EXTENSIONS = /<(gallery|math|timeline|score)\b[^>]*>[\s\S]*?<\/\1\s*>/gi;
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
/** What careless stripping leaves of a picture: `280px|thumb|right|`. */
const PICTURE_OPTIONS = /(?:(?:thumb|right|left|center|frame|none|\d{2,4}px)\|)+/g;
/** What a removed template leaves: empty brackets, or a bracket that begins with a comma. */
const EMPTY_BRACKETS = / ?\(\s*[,;–-]?\s*\)/g;
/** … or a space before the mark that came behind it. */
const LOOSE_MARK = / +(?=[.,;:](?:\s|$))/g;
/** Sections of links and notes that are empty without their templates. */
const EMPTY_SECTION =
  /^={2,6} *(?:Przypisy|Uwagi|Bibliografia|Linki zewnętrzne|Zobacz też|Galeria) *={2,6}[\s*#]*(?=^==|(?![\s\S]))/gimu;
/** Careless stripping glues the usual headings to what stood around them: `2009Linki zewnętrzneStrona`. */
const USUAL = ["Zobacz też", "Linki zewnętrzne"];
const GLUED_HEADING = new RegExp(
  `(?<=[\\p{Ll}\\d.)])(?=(?:${USUAL.join("|")})(?!\\p{Ll}))|(?<=[\\p{Ll}\\d.)](?:${USUAL.join("|")}))(?=\\p{Lu}|https?:)`,
  "gu",
);
/** Templates and tables stand in each other; deeper than this is not an article. */
const MAX_DEPTH = 12;

/** Turns MediaWiki markup into text: links by their labels, templates, tables, files and references removed. */
export const wikiMarkup: Step = {
  name: "wiki-markup",
  version: 5,
  addsNoSigns: true,
  create: () => (text, measures) => {
    const plain = withoutMarkup(text, measures);
    const mayBeGlued = plain !== text || measures.has(SIGN.gluedHeading);
    return keep(
      mayBeGlued && USUAL.some((heading) => plain.includes(heading))
        ? plain.replace(GLUED_HEADING, "\n\n")
        : plain,
    );
  },
};

function withoutMarkup(text: string, measures: TextMeasures): string {
  if (measures.has(SIGN.separator) && text.includes("thumb|"))
    return stripWikiMarkup(text).replace(PICTURE_OPTIONS, "");
  if (!measures.has(SIGN.bracket | SIGN.apostrophe)) return text;
  if (!text.includes("[[") && !text.includes("{{") && !text.includes("''")) return text;
  return (text.match(EVIDENCE)?.length ?? 0) < MIN_EVIDENCE ? text : stripWikiMarkup(text);
}

/** Also used by the reader of MediaWiki dumps, where no evidence is needed. */
function stripWikiMarkup(text: string): string {
  let result = text
    .replace(COMMENTS, "")
    .replace(REFERENCES, "")
    .replace(EXTENSIONS, "")
    .replace(PLAIN_TAG, "");
  result = untilStable(result, (current) => current.replace(INNER_TEMPLATE, ""));
  result = untilStable(result, (current) => current.replace(INNER_TABLE, ""));
  return result
    .replace(MEDIA, "")
    .replace(LABELLED_LINK, "$1")
    .replace(LINK, "$1")
    .replace(OUTER_LINK, "$1")
    .replace(EMPTY_SECTION, "")
    .replace(HEADING, "\n$1\n")
    .replace(EMPHASIS, "")
    .replace(EMPTY_ITEM, "")
    .replace(LIST_MARK, "- ")
    .replace(INDENT, "")
    .replace(SWITCH, "")
    .replace(EMPTY_BRACKETS, "")
    .replace(LOOSE_MARK, "");
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
