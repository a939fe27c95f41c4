import { isKnownWord } from "../measures/word-borders.ts";

/*
 * What careless stripping of MediaWiki markup leaves: headings glued to what stood around them, options and names of
 * pictures, lists of links without their marks.
 */

const USUAL = ["Zobacz też", "Zobacz także", "Linki zewnętrzne"];
const GLUED_USUAL = new RegExp(
  `(?<=[\\p{Ll}\\d.)])(?=${USUAL.join("|")})|(?<=[\\p{Ll}\\d.)](?:${USUAL.join("|")}))(?=\\p{L}|https?:)`,
  "gu",
);
/** Where a capital is glued to what stands before it: `czynne reakcjeNajbardziej`, `pojęcia.Historia`. */
const GLUED_CAPITAL = /(?=(\p{Lu}\p{Ll}*)[\s,:])(?<=(\p{L}*\p{Ll})[.)]?)/gu;
const MIN_WORD = 3;
/** Words of one letter begin sentences, too: `Narodziny naukiW 1748 roku`. */
const LONE_WORD = /^[AIOUWZ]$/;
/** Names are sought in the whole text; one with more words that may be such is none that a reader would miss. */
const MAX_NAMES = 200;
/** Addresses that are longer than this before the word in question were never seen. */
const MAX_ADDRESS = 500;

/** Labels under `Zobacz też`, one a line, and addresses under `Linki zewnętrzne`. */
const LABELS =
  /\n\nZobacz (?:też|także)(?:\n\n| )(?:[^\n]{1,80}(?<![.!?:;])(?:\n(?!\n)|(?=\n\n|(?![\s\S]))))+(?=\n\n|(?![\s\S]))/g;
const ADDRESSES = /\n\nLinki zewnętrzne\s+(?:\[?https?:\/\/[^\n]*(?:\n\s*|(?![\s\S])))+/g;

/** `280px|thumb|right|`, and the picture's file. */
const PICTURE_OPTIONS = /(?:(?:thumb|right|left|center|frame|none|\d{2,4}px)\|)+/g;
const PICTURE_FILE = /(?:Grafika|Plik|File|Image):[^\n:|[\]]{1,80}\.(?:svg|png|jpe?g|gif)\|?/gi;
/** A category's name, which is no sentence's. */
const CATEGORY = /^kategoria:\p{Lu}[^\n.]{1,60}$/gimu;
/** An article that only leads to another: `ACM A.M. Turing AwardREDIRECT Nagroda Turinga`. */
const REDIRECT = /^(?:#{5}\n)?[^\n]{1,100}REDIRECT [^\n]{1,100}$/gm;

/** Sets apart the usual headings where they are glued to what stands around them. */
const splitUsualHeadings = (text: string): string =>
  USUAL.some((heading) => text.includes(heading)) ? text.replace(GLUED_USUAL, "\n\n") : text;

export const removePictures = (text: string): string =>
  text.replace(PICTURE_OPTIONS, "").replace(PICTURE_FILE, "");

/** Mends a text in which the usual headings are glued: other headings are then glued as well, and links left over. */
export function mendStripped(text: string): string {
  const split = splitUsualHeadings(text);
  if (split === text) return text;
  return split
    .replace(REDIRECT, "")
    .replace(LABELS, "\n")
    .replace(ADDRESSES, "\n\n")
    .replace(PICTURE_FILE, "")
    .replace(CATEGORY, "")
    .replace(GLUED_CAPITAL, splitAtBorders());
}

/** Divides where two words of the language stand glued, but no name such as `OpenOffice.org`, nor an address. */
function splitAtBorders() {
  const isWord = (word: string) => word.length >= MIN_WORD && isKnownWord(word.toLowerCase());
  let names = 0;
  return (_: string, behind: string, before: string, at: number, text: string): string => {
    if (!isWord(before) || !(LONE_WORD.test(behind) || isWord(behind))) return "";
    // `OpenOffice` is written so more than once, or not at all
    if (text.endsWith(before, at) && names++ < MAX_NAMES && isRepeated(text, before + behind)) return "";
    const near = text.slice(Math.max(0, at - MAX_ADDRESS), at);
    const token = near.slice(Math.max(near.lastIndexOf(" "), near.lastIndexOf("\n")) + 1);
    return /[/@]|www\./.test(token) ? "" : "\n\n";
  };
}

const isRepeated = (text: string, words: string) => text.includes(words, text.indexOf(words) + 1);
