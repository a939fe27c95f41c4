import { isKnownWord } from "../measures/word-borders.ts";

/** What a margin's dirt and a worn hyphen are read as. */
const JUNK = "[^\\p{L}\\p{N}\\s(–—-]{1,2}";
/** Between a divided word's parts, at the end of its first line or the beginning of the second: `pó-%` and `no`. */
const INSIDE_WORD = new RegExp(
  `- ?${JUNK} ?\\n(?<=(\\p{L}+)- ?${JUNK} ?\\n)(?=(\\p{Ll}+))|-\\n${JUNK} ?(?<=(\\p{L}+)-\\n${JUNK} ?)(?=(\\p{Ll}+))`,
  "gu",
);
/** Behind a sentence, at its line's end. */
const BEHIND_SENTENCE = / [=|_;:~^](?<=[.?!…] .)$/gm;
/** A dash that was read as two or three signs. */
const DASHES = /^-?—[-—_]{1,1000} ?(?=[\p{Lu}„])|^-— (?=[\p{Lu}„])/gmu;

/** Removes what a scan's recogniser made of dirt beside the lines, where it can be told from text. */
export function removeRubbish(text: string): string {
  return text
    .replace(INSIDE_WORD, (found, left = "", right = "", above = left, below = right) =>
      isKnownWord(`${above || left}${below || right}`.toLowerCase()) ? "-\n" : found,
    )
    .replace(BEHIND_SENTENCE, "")
    .replace(DASHES, "— ");
}
