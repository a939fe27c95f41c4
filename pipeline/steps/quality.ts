import { drop, keep, type Step } from "./step.ts";

/** Drops what no single filter catches and yet is no text: keyword lists, templates, wreckage of extraction. */
export const quality: Step = {
  name: "quality",
  version: 1,
  create: (profile) => (text, measures) =>
    measures.quality < profile.minQuality ? drop("low-quality") : keep(text),
};
