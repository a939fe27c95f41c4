import { atLeast, select } from "./criterion.ts";
import type { Criterion, Step } from "./step.ts";

const CRITERIA: readonly Criterion[] = [
  {
    reason: "low-quality",
    threshold: "minQuality",
    of: ({ quality }) => quality,
    range: ({ minQuality }) => atLeast(minQuality),
  },
];

/** Drops what no single filter catches and yet is no text: keyword lists, templates, wreckage of extraction. */
export const quality: Step = {
  name: "quality",
  version: 2,
  criteria: CRITERIA,
  create: (profile) => select(CRITERIA, profile),
};
