import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/**
 * Tidies spaces and blank lines: no spaces at line ends or line starts, one space between words, at most one
 * blank line between paragraphs, none at the ends of the text.
 */
export const whiteSpace: Step = {
  name: "white-space",
  version: 1,
  addsNoSigns: true,
  create: () => (text, measures) => keep(measures.has(SIGN.untidy) ? measures.withoutGaps().trim() : text),
};
