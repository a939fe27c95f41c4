import {
  CONTROLS,
  INVISIBLES,
  JOINER,
  LIGATURES,
  LINE_BREAKS,
  SIGN,
  WIDE_SPACES,
} from "../measures/signs.ts";
import { drop, keep, type Step } from "./step.ts";

const LIGATURE_LETTERS: Readonly<Record<string, string>> = {
  "\uFB00": "ff",
  "\uFB01": "fi",
  "\uFB02": "fl",
  "\uFB03": "ffi",
  "\uFB04": "ffl",
  "\uFB05": "st",
  "\uFB06": "st",
};

const LINE_END = new RegExp(`\\r\\n?|[${LINE_BREAKS}]`, "g");
const SPACE = new RegExp(`[${WIDE_SPACES}]`, "g");
/** Joiners go only where they do not build an emoji. */
const INVISIBLE = new RegExp(
  `[${INVISIBLES}]|${JOINER}(?<!(?:\\p{Extended_Pictographic}|\\uFE0F|\\p{Emoji_Modifier})${JOINER})`,
  "gu",
);
const CONTROL = new RegExp(`[${CONTROLS}]`, "g");
const LIGATURE = new RegExp(`[${LIGATURES}]`, "g");
const LOST = /\uFFFD/g;

/** More lost characters than one in 500 and the text cannot be trusted (own choice: about one in a paragraph). */
const MAX_LOST_SHARE = 1 / 500;

/**
 * So many marks on one letter are no text. To put them in order takes the square of their number: 69 s for 500,000
 * (V8 of Node 24, 2026-11).
 */
const MAX_STACKED = 512;
const STACKED = new RegExp(`\\p{M}{${MAX_STACKED}}`, "u");

/**
 * One spelling for one text: NFC, ordinary spaces and line ends, no invisible or control characters, no
 * typographic ligatures. Texts in which characters were lost (U+FFFD, lone surrogates) are dropped, and those that stack
 * marks on a letter without end.
 */
export const unicode: Step = {
  name: "unicode",
  version: 1,
  create: () => (text, measures) => {
    if (!measures.has(SIGN.unusual)) return keep(text);
    let clean = text.toWellFormed();
    if (measures.has(SIGN.lineBreak)) clean = clean.replace(LINE_END, "\n");
    if (measures.has(SIGN.wideSpace)) clean = clean.replace(SPACE, " ");
    if (measures.has(SIGN.invisible)) clean = clean.replace(INVISIBLE, "");
    if (measures.has(SIGN.control)) clean = clean.replace(CONTROL, "");
    if (measures.has(SIGN.ligature))
      clean = clean.replace(LIGATURE, (ligature) => LIGATURE_LETTERS[ligature] as string);
    if (hasStackedMarks(clean)) return drop("stacked-marks");
    clean = clean.normalize("NFC");
    const lost = clean.match(LOST)?.length ?? 0;
    if (lost > clean.length * MAX_LOST_SHARE) return drop("lost-characters");
    return keep(lost === 0 ? clean : clean.replace(LOST, ""));
  },
};

/** A row of `MAX_STACKED` marks or more covers one place in so many: only these are looked at. */
function hasStackedMarks(text: string): boolean {
  for (let at = MAX_STACKED - 1; at < text.length; at += MAX_STACKED) {
    const mayStand = /\p{M}/u.test(text.slice(at - 1, at + 2));
    // each may have two units
    if (mayStand && STACKED.test(text.slice(Math.max(0, at - 2 * MAX_STACKED), at + 2 * MAX_STACKED)))
      return true;
  }
  return false;
}
