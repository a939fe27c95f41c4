import { drop, keep, type Step } from "./step.ts";
import { readWords } from "./words.ts";

/** Drops texts that are too short to teach anything, and texts of a length no document has. */
export const length: Step = {
  name: "length",
  version: 1,
  create: (profile) => (text) => {
    if (text.length === 0) return drop("empty");
    if (text.length <= profile.minCharacters) return drop("too-short");
    const { count } = readWords(text);
    if (count < profile.minWords) return drop("too-few-words");
    return count > profile.maxWords ? drop("too-many-words") : keep(text);
  },
};
