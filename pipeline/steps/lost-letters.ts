import { SIGN } from "../measures/signs.ts";
import { drop, keep, type Step } from "./step.ts";

/** Fewer prove nothing. */
const MIN_LOST = 3;
/** As many of all characters as of U+FFFD (see `unicode`). Where all Polish letters were lost, one in 20 is. */
const MAX_SHARE = 1 / 500;

/**
 * Drops texts whose Polish letters were saved as question marks (`mi?y cz?owiek`): what stood there is gone.
 * Only marks between letters, the right one small, are counted; in addresses they mean themselves.
 */
export const lostLetters: Step = {
  name: "lost-letters",
  version: 1,
  create: () => (text, measures) => {
    if (!measures.has(SIGN.question)) return keep(text);
    let lost = 0;
    for (let at = text.indexOf("?"); at >= 0; at = text.indexOf("?", at + 1)) {
      if (/^\p{L}\?\p{Ll}/u.test(text.slice(at - 1, at + 2)) && !isAddress(text, at)) lost += 1;
    }
    return lost >= MIN_LOST && lost > text.length * MAX_SHARE ? drop("lost-letters") : keep(text);
  },
};

/** Whether the word around a question mark is an address: it holds a slash, a dot or `=`. */
function isAddress(text: string, at: number): boolean {
  let start = at;
  while (start > 0 && text.charCodeAt(start - 1) > 32 && at - start < 200) start -= 1;
  let end = at;
  while (end < text.length && text.charCodeAt(end) > 32 && end - at < 100) end += 1;
  return /[/=]|\.\p{L}/u.test(text.slice(start, end));
}
