import type { Profile } from "../profiles.ts";
import { type Apply, type Criterion, drop, keep } from "./step.ts";

export const atLeast = (least: number) => [least, Number.POSITIVE_INFINITY] as const;
export const atMost = (most: number) => [Number.NEGATIVE_INFINITY, most] as const;

/** Drops a text for the first criterion it fails. */
export function select(criteria: readonly Criterion[], profile: Profile): Apply {
  const checks = criteria.map(({ reason, of, range }) => ({ reason, of, range: range(profile) }));
  return (text, measures) => {
    for (const { reason, of, range } of checks) {
      const value = of(measures);
      if (value < range[0] || value > range[1]) return drop(reason);
    }
    return keep(text);
  };
}
