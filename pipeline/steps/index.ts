import { boilerplate } from "./boilerplate.ts";
import { composition } from "./composition.ts";
import { html } from "./html.ts";
import { language } from "./language.ts";
import { length } from "./length.ts";
import { mojibake } from "./mojibake.ts";
import { reflow } from "./reflow.ts";
import { repetition } from "./repetition.ts";
import type { Step } from "./step.ts";
import { unicode } from "./unicode.ts";
import { whiteSpace } from "./white-space.ts";

/**
 * What happens to a document, in this order.
 *
 * Repairs come before anything that looks at the text. Mojibake first: it needs the control characters and
 * no-break spaces that `unicode` removes. Markup before line repair, since tags make lines. Selection last,
 * cheap before dear. Exact duplicates are found after these, in the main thread.
 */
export const STEPS: readonly Step[] = [
  mojibake,
  html,
  unicode,
  whiteSpace,
  reflow,
  boilerplate,
  length,
  language,
  composition,
  repetition,
];
