import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { keep, type Step } from "./step.ts";

const TAG_NAMES =
  "b|i|u|s|url|img|quote|code|size|color|font|list|li|center|left|right|email|youtube|video|spoiler|table|tr|td|hr";
const BBCODE = new RegExp(`\\[/(?:${TAG_NAMES})\\]`, "i");
const DROPPED = /\[(img|youtube|video)\b[^[\]]*\][^[\]]*\[\/\1\]/gi;
/** Found without its end, too: up to the line's end, no other one in it has an end either. */
const QUOTE = /\[(\/?)quote\b[^\]\n]*(\]?)/gi;
const LIST_ITEM = /\[\*\]\s*/g;
const TAG = new RegExp(`\\[/?(?:${TAG_NAMES})(?:=[^\\]\\n]{0,300})?\\]`, "gi");

/** Lines another writer is quoted with, and the line that says who. */
const QUOTED = /^\s*(?:>|\|\s?>)/;
const ATTRIBUTION = /(?:napisał|pisze|wrote|powiedział)(?:\(?a\)?)?(?: w (?:wiadomości|news|artykule).*)?$/i;
/** The mail separator; what follows is the writer's signature if it is short. */
const SIGNATURE = /\n-- ?\n/g;
const MAX_SIGNATURE_LINES = 8;

/** The time in the signature of a post on a wiki's talk page: `21:19, 3 paź 2010 (CEST)`. */
const TALK_TIME =
  /\b\d{1,2}: ?\d\d, \d{1,2} (?:sty|lut|mar|kwi|maja?|cze|lip|sie|wrz|paź|lis|gru) \d{4}(?!,| r\.)(?: \(CES?T\))?/giu;
/** What an hour of the text stands behind. */
const HOUR_BEFORE = /(?<!\p{L})(?:o|godz\.|godzin\p{L}*|od|do|przed|po|około|dnia|na)\s$/iu;
/** One or two words between a sentence's end and that time: who wrote the post. */
const SIGNER = /(?<=[.?!…)"]\s)(?:--\s?)?[^\s.?!,;:]{1,25}(?:\s[^\s.?!,;:]{1,25})?\s(?:\(dyskusja\)\s)?$/iu;
const MAX_SIGNER = 70;

/** Removes BBCode, quotations of other posts (they stand in their own document) and signatures. */
export const forumMarkup: Step = {
  name: "forum-markup",
  version: 3,
  addsNoSigns: true,
  create: (profile) => (text, measures) => {
    const plain =
      measures.has(SIGN.bracket) && text.includes("[/") && BBCODE.test(text) ? removeBbcode(text) : text;
    if (!profile.removeQuotations) return keep(plain);
    const unsigned = measures.has(SIGN.digit) ? splitTalk(plain) : plain;
    return keep(removeQuotations(unsigned, measures));
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
    if (tag[2] === "") continue;
    if (depth === 0) rest += text.slice(copied, tag.index);
    depth = Math.max(0, depth + (tag[1] === "/" ? -1 : 1));
    copied = tag.index + tag[0].length;
  }
  return depth === 0 ? rest + text.slice(copied) : text; // a quote without an end: nothing is cut
}

/** Cuts the signature: to the text's end, or to the quotation that the next post answers. */
function withoutSignature(text: string): string {
  let [begin, start] = [-1, -1];
  for (const { index, 0: separator } of text.matchAll(SIGNATURE))
    [begin, start] = [index, index + separator.length];
  if (begin < 0) return text;
  const quotation = text.slice(start).search(/^[^\S\n]*>/m);
  const signature = text.slice(start, quotation < 0 ? text.length : start + quotation).trimEnd();
  // blank lines above the quotation belong to it
  const behind = signature === "" ? start : text.indexOf("\n", start + signature.length) + 1;
  const end = quotation < 0 ? text.length : behind;
  if (signature.split("\n").length > MAX_SIGNATURE_LINES) return text;
  return end === text.length ? text.slice(0, begin) : `${text.slice(0, begin)}\n\n${text.slice(end)}`;
}

/** Ends a line where a post on a talk page is signed; the time goes, and the name where one can tell it. */
function splitTalk(text: string): string {
  let split = "";
  let copied = 0;
  for (const time of text.matchAll(TALK_TIME)) {
    const before = text.slice(Math.max(copied, time.index - MAX_SIGNER), time.index);
    if (HOUR_BEFORE.test(before)) continue;
    const signer = SIGNER.exec(before)?.[0] ?? "";
    split += `${text.slice(copied, time.index - signer.length).trimEnd()}\n`;
    copied = time.index + time[0].length;
    while (text[copied] === " ") copied += 1;
  }
  return split + text.slice(copied);
}

function isAttribution(line: string): boolean {
  const said = line.trimEnd();
  return said.endsWith(":") && ATTRIBUTION.test(said.slice(0, -1).trimEnd());
}

function removeQuotations(text: string, measures: TextMeasures): string {
  const unsigned = measures.has(SIGN.lineEnd) ? withoutSignature(text) : text;
  if (!measures.has(SIGN.greater) || !unsigned.includes(">")) return unsigned;
  const lines = unsigned.split("\n");
  const kept: string[] = [];
  for (const line of lines) {
    if (!QUOTED.test(line)) kept.push(line);
    else if (isAttribution(kept.at(-1) ?? "")) kept.pop();
  }
  // a post of nothing but quotations is a digest: then they are the text
  return kept.some((line) => line.trim() !== "") ? kept.join("\n") : unsigned;
}
