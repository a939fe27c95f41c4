import { drop, keep, type Step } from "./step.ts";

/** Drops texts that are too short to teach anything, and texts of a length no document has. */
export const length: Step = {
  name: "length",
  version: 2,
  create: (profile) => (text, measures) => {
    if (text.length === 0) return drop("empty");
    if (text.length <= profile.minCharacters) return drop("too-short");
    const { count } = measures.words;
    if (count < profile.minWords) return drop("too-few-words");
    return count > profile.maxWords ? drop("too-many-words") : keep(text);
  },
};
