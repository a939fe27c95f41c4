import type { TextMeasures } from "../measures/text-measures.ts";
import type { Profile } from "../profiles.ts";

/** What a step says of a document: keep it with this text, or drop it for this reason. */
export type Verdict =
  | { readonly keep: true; readonly text: string }
  | { readonly keep: false; readonly reason: string };

/** Looks at a text, with what was already measured of it, and gives its verdict. */
export type Apply = (text: string, measures: TextMeasures) => Verdict;

/** One stage of cleaning. Pure: the same text gives the same verdict, on any machine, in any order. */
export interface Step {
  /** Names the step in statistics and traces. */
  readonly name: string;
  /** Raised whenever the step's output changes, so that finished work is known to be outdated. */
  readonly version: number;
  /** Set when a text it changed has no `SIGN` the given one lacked, so that the text need not be searched again. */
  readonly addsNoSigns?: true;
  /** Makes the step ready for documents of one profile; undefined when the profile does without it. */
  create(profile: Profile): Apply | undefined;
}

export const keep = (text: string): Verdict => ({ keep: true, text });
export const drop = (reason: string): Verdict => ({ keep: false, reason });
