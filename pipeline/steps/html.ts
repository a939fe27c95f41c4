import { decodeHTMLStrict } from "entities";
import { SIGN } from "../measures/signs.ts";
import { writeReferences } from "./cnxml.ts";
import { findEnclosed, replaceEnclosed } from "./enclosures.ts";
import { writeFormulas } from "./mathml.ts";
import { keep, type Step } from "./step.ts";

/** Tags that end a line or a paragraph where they stand. */
const BLOCK_TAGS =
  "address|article|aside|blockquote|body|br|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|li|main|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|title|tr|ul";
/** Tags that stand inside a line of text. */
const INLINE_TAGS =
  "a|abbr|acronym|b|big|button|cite|code|del|em|font|i|iframe|img|input|ins|kbd|label|link|mark|meta|nobr|q|s|samp|small|span|strike|strong|sub|sup|tt|u|var|wbr";
const ATTRIBUTES = "(?:\\s[^<>]{0,2000})?";

// Tags end before the next one begins: 16 MB of `<svg ` would take days if each were read on to the text's end.
const DROPPED_ELEMENT = {
  open: /<(script|style|noscript|template|svg)\b[^<>]*>/gi,
  close: /<\/(script|style|noscript|template|svg)\s*>/gi,
};
const COMMENT = { open: /<!--/g, close: /-->/g };
const DECLARATION = /<!doctype[^<>]*(?:<[^<>]*)?>|<\?xml[^<>]*\?>/gi;
const PARAGRAPH_TAG = new RegExp(`<(?:/?p|/?blockquote|/?h[1-6]|/?table|/?ul|/?ol)${ATTRIBUTES}/?>`, "gi");
const CELL_TAG = /<\/t[dh]\s*>/gi;
const BLOCK_TAG = new RegExp(`</?(?:${BLOCK_TAGS})${ATTRIBUTES}/?>`, "gi");
const INLINE_TAG = new RegExp(`</?(?:${INLINE_TAGS})${ATTRIBUTES}/?>`, "gi");

/** A whole page, not a text with some tags left in it. */
const PAGE = /<(?:html|body|!doctype)\b/i;

/** A document of another XML vocabulary: then every tag goes, and those that hold text end a line. */
const XML_START = /^\s*<(?:\?xml\b|(\w+)\b[^>]*\bxmlns)/;
const XML_METADATA = { open: /<metadata\b[^<>]*>/gi, close: /<\/metadata\s*>/gi };
const XML_BLOCK_END =
  /<\/(?:\w+:)?(?:para|title|item|section|note|caption|entry|row|exercise|problem|solution|list|definition|meaning|term-group|figure|p|l|lg|ab|s|u|head)\s*>/gi;
/** Powers: of a figure or a unit of length. Behind a word, a raised figure is a note's. */
const POWER = /<(?<=\d\s*<)sup\b[^<>]*>\s*([-−+]?\d{1,3})\s*<\/sup\s*>/gi;
const UNIT_POWER = /<(?<=(?<!\p{L})[kcmd]?m\s*<)sup\b[^<>]*>\s*([23])\s*<\/sup\s*>/giu;
const TITLE = /<title\b[^<>]*>([^<]*)<\/title\s*>/i;
const HEADING = /<h[12]\b[^<>]*>([\s\S]{1,500}?)<\/h[12]\s*>/gi;
/** What a whole page has in angle brackets is a tag, of whatever name. */
const ANY_TAG = /<\/?[a-z][\w:-]*(?:\s[^<>]{0,2000})?\/?>/gi;
const PREFORMATTED = { open: /<pre\b/gi, close: /<\/pre\s*>/gi };
/** A page that was cut off inside its last tag. */
const CUT_TAG = /<\/[a-z][a-z\d]*\s*$/i;
const XML_TAG = /<\/?[a-z][\w:.-]*(?:\s[^<>]*)?\/?>/gi;

/** `&amp;oacute;` needs two passes; a third was never needed. */
const ENTITY_PASSES = 2;
/** The one entity that pages often write without its semicolon. */
const LAX_SPACE = /&nbsp(?![;\p{Ll}])/gu;
const ENTITY = /&(?:#\d{1,7};|#x[\da-f]{1,6};|[a-z][a-z\d]{1,31};|nbsp)/i;

/**
 * Removes what is left of HTML in a text: scripts and styles whole, tags with their line breaks kept,
 * entities decoded (also when escaped twice). Only names HTML knows are taken for tags, so `a < b` and
 * `List<Integer>` stay.
 */
export const html: Step = {
  name: "html",
  version: 9,
  create: () => (text, measures) => keep(measures.has(SIGN.tag | SIGN.ampersand) ? removeHtml(text) : text),
};

function removeHtml(text: string): string {
  let result = text;
  if (result.includes("<")) result = removeTags(result);
  for (let pass = 0; pass < ENTITY_PASSES && result.includes("&") && ENTITY.test(result); pass++) {
    const decoded = decodeHTMLStrict(result.replace(LAX_SPACE, " "));
    if (decoded === result) break;
    // tags that were escaped are seen only now
    result = decoded.includes("<") ? removeTags(decoded) : decoded;
  }
  return result;
}

function removeTags(source: string): string {
  const text = /<(?:\w+:)?math\b/i.test(source) ? writeFormulas(source) : source;
  const isXml = XML_START.test(text) && !/<html\b/i.test(text.slice(0, 1000));
  if (isXml) return removeXmlTags(text);
  const isPage = PAGE.test(text);
  const plain = withoutHidden(isPage ? dropRepeatedTitle(joinSourceLines(text)) : text, "\n")
    .replace(POWER, "^$1")
    .replace(UNIT_POWER, (_, power: string) => (power === "2" ? "²" : "³"))
    .replace(PARAGRAPH_TAG, "\n\n")
    .replace(CELL_TAG, " ")
    .replace(BLOCK_TAG, "\n")
    .replace(INLINE_TAG, "");
  return isPage ? plain.replace(ANY_TAG, "").replace(CUT_TAG, "") : plain;
}

/** Without what a browser does not show either; `gap` is put for whole elements. */
function withoutHidden(text: string, gap: string): string {
  const seen = replaceEnclosed(text, DROPPED_ELEMENT, () => gap);
  return replaceEnclosed(seen, COMMENT, () => "").replace(DECLARATION, "");
}

/** In a page's source, line ends are spaces, but for preformatted text. */
function joinSourceLines(text: string): string {
  const joinLines = (source: string) => source.replace(/\s+/g, " ");
  let joined = "";
  let copied = 0;
  for (const { start, end } of findEnclosed(text, PREFORMATTED)) {
    joined += joinLines(text.slice(copied, start)) + text.slice(start, end);
    copied = end;
  }
  return joined + joinLines(text.slice(copied));
}

/** Most pages say their title twice: in `<title>`, often followed by the site's name, and as a heading. The heading stays. */
function dropRepeatedTitle(page: string): string {
  const [element, title] = TITLE.exec(page) ?? [];
  if (element === undefined || title === undefined) return page;
  const words = wordsOf(title);
  const headings = Array.from(page.matchAll(HEADING), ([, heading = ""]) => wordsOf(heading));
  const isRepeated = headings.some((heading) => heading !== "" && words.startsWith(heading));
  return isRepeated ? page.replace(element, () => "\n") : page;
}

const wordsOf = (markup: string): string => markup.replace(ANY_TAG, "").replace(/\s+/g, " ").trim();

/** Line ends of XML are layout; only the elements that hold a paragraph end a line. */
function removeXmlTags(text: string): string {
  const content = withoutHidden(writeReferences(text), " ");
  return replaceEnclosed(content, XML_METADATA, () => "")
    .replace(/\s+/g, " ")
    .replace(XML_BLOCK_END, "\n\n")
    .replace(XML_TAG, "")
    .replace(/ (?<! {2}) *(?=[,.;:?!](?:\s|$))/g, "");
}
