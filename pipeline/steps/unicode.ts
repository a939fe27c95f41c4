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
 * One spelling for one text: NFC, ordinary spaces and line ends, no invisible or control characters, no
 * typographic ligatures. Texts in which characters were lost (U+FFFD, lone surrogates) are dropped.
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
    clean = clean.normalize("NFC");
    const lost = clean.match(LOST)?.length ?? 0;
    if (lost > clean.length * MAX_LOST_SHARE) return drop("lost-characters");
    return keep(lost === 0 ? clean : clean.replace(LOST, ""));
  },
};
