import { SIGN } from "../measures/signs.ts";
import { drop, keep, type Step } from "./step.ts";

const LIGATURES: Readonly<Record<string, string>> = {
  "\uFB00": "ff",
  "\uFB01": "fi",
  "\uFB02": "fl",
  "\uFB03": "ffi",
  "\uFB04": "ffl",
  "\uFB05": "st",
  "\uFB06": "st",
};

const LINE_ENDS = /\r\n?|[\u0085\u2028\u2029\v\f]/g;
const SPACES = /[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]/g;
/** Soft hyphens, zero-width and direction marks; joiners only where they do not build an emoji. */
const INVISIBLE =
  /[\u00AD\u061C\u180E\u200B\u200C\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF]|(?<!\p{Extended_Pictographic}|\uFE0F|\p{Emoji_Modifier})\u200D/gu;
const CONTROLS = /[\x00-\x08\x0E-\x1F\x7F-\x9F]/g;
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
    const clean = text
      .toWellFormed()
      .replace(LINE_ENDS, "\n")
      .replace(SPACES, " ")
      .replace(INVISIBLE, "")
      .replace(CONTROLS, "")
      .replace(/[\uFB00-\uFB06]/g, (ligature) => LIGATURES[ligature] as string)
      .normalize("NFC");
    const lost = clean.match(LOST)?.length ?? 0;
    if (lost > clean.length * MAX_LOST_SHARE) return drop("lost-characters");
    return keep(lost === 0 ? clean : clean.replace(LOST, ""));
  },
};
