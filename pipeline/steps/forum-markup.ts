import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { keep, type Step } from "./step.ts";

const TAG_NAMES =
  "b|i|u|s|url|img|quote|code|size|color|font|list|li|center|left|right|email|youtube|video|spoiler|table|tr|td|hr";
const BBCODE = new RegExp(`\\[/(?:${TAG_NAMES})\\]`, "i");
const DROPPED = /\[(img|youtube|video)\b[^\]]*\][^[\]]*\[\/\1\]/gi;
const QUOTE = /\[(\/?)quote\b[^\]\n]*\]/gi;
const LIST_ITEM = /\[\*\]\s*/g;
const TAG = new RegExp(`\\[/?(?:${TAG_NAMES})(?:=[^\\]\\n]{0,300})?\\]`, "gi");

/** Lines another writer is quoted with, and the line that says who. */
const QUOTED = /^\s*(?:>|\|\s?>)/;
const ATTRIBUTION =
  /(?:napisał|pisze|wrote|powiedział)(?:\(?a\)?)?(?: w (?:wiadomości|news|artykule).*)?\s*:\s*$/i;
/** The mail separator; what follows is the writer's signature if it is short. */
const SIGNATURE = /\n-- ?\n/g;
const MAX_SIGNATURE_LINES = 8;

/** Removes BBCode, quotations of other posts (they stand in their own document) and signatures. */
export const forumMarkup: Step = {
  name: "forum-markup",
  version: 2,
  addsNoSigns: true,
  create: (profile) => (text, measures) => {
    const plain = measures.has(SIGN.bracket) && BBCODE.test(text) ? removeBbcode(text) : text;
    return keep(profile.removeQuotations ? removeQuotations(plain, measures) : plain);
  },
};

function removeBbcode(text: string): string {
  return withoutQuotes(text.replace(DROPPED, "")).replace(LIST_ITEM, "- ").replace(TAG, "");
}

/** Cuts out what stands between `[quote]` and its `[/quote]`, quotes in quotes included. */
function withoutQuotes(text: string): string {
  let rest = "";
  let depth = 0;
  let copied = 0;
  for (const tag of text.matchAll(QUOTE)) {
    if (depth === 0) rest += text.slice(copied, tag.index);
    depth = Math.max(0, depth + (tag[1] === "/" ? -1 : 1));
    copied = tag.index + tag[0].length;
  }
  return depth === 0 ? rest + text.slice(copied) : text; // a quote without an end: nothing is cut
}

/** Cuts the signature: to the text's end, or to the quotation that the next post answers. */
function withoutSignature(text: string): string {
  const last = [...text.matchAll(SIGNATURE)].at(-1);
  if (last === undefined) return text;
  const start = last.index + last[0].length;
  const quotation = text.slice(start).search(/^\s*>/m);
  const end = quotation < 0 ? text.length : start + quotation;
  const signature = text.slice(start, end).trimEnd();
  if (signature.split("\n").length > MAX_SIGNATURE_LINES) return text;
  return end === text.length
    ? text.slice(0, last.index)
    : `${text.slice(0, last.index)}\n\n${text.slice(end)}`;
}

function removeQuotations(text: string, measures: TextMeasures): string {
  const unsigned = measures.has(SIGN.lineEnd) ? withoutSignature(text) : text;
  if (!measures.has(SIGN.greater) || !unsigned.includes(">")) return unsigned;
  const lines = unsigned.split("\n");
  const kept: string[] = [];
  for (const line of lines) {
    if (!QUOTED.test(line)) kept.push(line);
    else if (ATTRIBUTION.test(kept.at(-1) ?? "")) kept.pop();
  }
  // a post of nothing but quotations is a digest: then they are the text
  return kept.some((line) => line.trim() !== "") ? kept.join("\n") : unsigned;
}
