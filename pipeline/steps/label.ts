import { QUALITY_LABELS } from "../profiles.ts";
import { drop, keep, type Step } from "./step.ts";

/** Repairs after which a label speaks of a text that is no more: misread letters and tags count as unknown words. */
const OUTDATE = new Set(["mojibake", "single-byte", "wiki-markup", "html", "forum-markup", "spacing"]);

/** Selects by Speakleash's own label, where the record holds the features it is made of. */
export const label: Step = {
  name: "label",
  version: 1,
  create: ({ minLabel }) => {
    const least = QUALITY_LABELS.indexOf(minLabel);
    if (least === 0) return undefined;
    return (text, _measures, { label: found, changedBy }) => {
      if (found === undefined || QUALITY_LABELS.indexOf(found) >= least) return keep(text);
      return changedBy.some((step) => OUTDATE.has(step)) ? keep(text) : drop(`label-${found.toLowerCase()}`);
    };
  },
};
