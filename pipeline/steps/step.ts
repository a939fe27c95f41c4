import type { TextMeasures } from "../measures/text-measures.ts";
import type { Profile, QualityLabel } from "../profiles.ts";

/** What a step says of a document: keep it with this text, or drop it for this reason. */
export type Verdict =
  | { readonly keep: true; readonly text: string }
  | { readonly keep: false; readonly reason: string };

/** What is known of a document beside its text. */
export interface DocumentFacts {
  /** Speakleash's label, where the record holds the features it is made of. */
  readonly label: QualityLabel | undefined;
  /** Names of the steps that have changed the text so far. */
  readonly changedBy: readonly string[];
}

/** Looks at a text, with what was already measured of it, and gives its verdict. */
export type Apply = (text: string, measures: TextMeasures, facts: DocumentFacts) => Verdict;

/** One figure of a text with the range a profile wants it in; `apt3 explain` shows them all. */
export interface Criterion {
  /** Why a text outside the range is dropped. */
  readonly reason: string;
  /** Name of the threshold in datasets.yaml. */
  readonly threshold: keyof Profile;
  readonly of: (measures: TextMeasures) => number;
  /** The least and the most a healthy text has. */
  readonly range: (profile: Profile) => readonly [least: number, most: number];
}

/** One stage of cleaning. Pure: the same text gives the same verdict, on any machine, in any order. */
export interface Step {
  /** Names the step in statistics and traces. */
  readonly name: string;
  /** Raised whenever the step's output changes, so that finished work is known to be outdated. */
  readonly version: number;
  /** Set when a text it changed has no `SIGN` the given one lacked, so that the text need not be searched again. */
  readonly addsNoSigns?: true;
  /** Of a step that selects by figures: what it looks at, in its order. */
  readonly criteria?: readonly Criterion[];
  /** Makes the step ready for documents of one profile; undefined when the profile does without it. */
  create(profile: Profile): Apply | undefined;
}

export const keep = (text: string): Verdict => ({ keep: true, text });
export const drop = (reason: string): Verdict => ({ keep: false, reason });

/**
 * A step's verdict on a text. On lines of many megabytes some patterns run out of the stack that they go back on: such a
 * text is dropped.
 */
export function judge(apply: Apply, text: string, measures: TextMeasures, facts: DocumentFacts): Verdict {
  try {
    return apply(text, measures, facts);
  } catch (error) {
    const isStackFull = error instanceof RangeError && error.message.includes("call stack");
    if (!isStackFull) throw error;
    return drop("too-long-for-patterns");
  }
}
