import { anonymise } from "./anonymise.ts";
import { boilerplate } from "./boilerplate.ts";
import { chatLog } from "./chat-log.ts";
import { columns } from "./columns.ts";
import { composition } from "./composition.ts";
import { foreignParagraphs } from "./foreign-paragraphs.ts";
import { forumMarkup } from "./forum-markup.ts";
import { html } from "./html.ts";
import { label } from "./label.ts";
import { language } from "./language.ts";
import { length } from "./length.ts";
import { lostLetters } from "./lost-letters.ts";
import { markdown } from "./markdown.ts";
import { mojibake } from "./mojibake.ts";
import { pageFurniture } from "./page-furniture.ts";
import { quality } from "./quality.ts";
import { reflow } from "./reflow.ts";
import { repeatedLines } from "./repeated-lines.ts";
import { repetition } from "./repetition.ts";
import { singleByte } from "./single-byte.ts";
import { spacing } from "./spacing.ts";
import type { Step } from "./step.ts";
import { transcript } from "./transcript.ts";
import { unicode } from "./unicode.ts";
import { whiteSpace } from "./white-space.ts";
import { wikiMarkup } from "./wiki-markup.ts";

/**
 * What happens to a document, in this order.
 *
 * Repairs come before anything that looks at the text. Encodings first: they need the control characters and
 * no-break spaces that `unicode` removes. Markup before line repair, since tags make lines; columns, letter-
 * spaced words and transcripts while the spaces that show them are still there. Selection last, cheap before
 * dear. Exact duplicates are found after these, in the main thread.
 */
export const STEPS: readonly Step[] = [
  mojibake,
  singleByte,
  markdown,
  wikiMarkup,
  html,
  unicode,
  lostLetters,
  forumMarkup,
  columns,
  transcript,
  chatLog,
  spacing,
  whiteSpace,
  pageFurniture,
  reflow,
  repeatedLines,
  boilerplate,
  anonymise,
  foreignParagraphs,
  length,
  label,
  language,
  composition,
  repetition,
  quality,
];
