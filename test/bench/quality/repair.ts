import { TextMeasures } from "../../../pipeline/measures/text-measures.ts";
import { PROFILES, type ProfileName } from "../../../pipeline/profiles.ts";
import { STEPS } from "../../../pipeline/steps/index.ts";
import type { Apply } from "../../../pipeline/steps/step.ts";

const FIRST_SELECTING_STEP = "length";
const repairs = new Map<ProfileName, (text: string) => string>();

/** The steps of a profile that repair and clean, up to the first that selects. A dropped text ends empty. */
export function createRepair(profile: ProfileName): (text: string) => string {
  const known = repairs.get(profile);
  if (known !== undefined) return known;
  const end = STEPS.findIndex(({ name }) => name === FIRST_SELECTING_STEP);
  const steps = STEPS.slice(0, end).flatMap(({ name, create }) => {
    const apply = create(PROFILES[profile]);
    return apply === undefined ? [] : [{ name, apply }];
  });
  const repair = (text: string) => applyAll(steps, text);
  repairs.set(profile, repair);
  return repair;
}

function applyAll(steps: readonly { readonly name: string; readonly apply: Apply }[], text: string): string {
  const changedBy: string[] = [];
  let measures = new TextMeasures(text);
  for (const { name, apply } of steps) {
    const verdict = apply(measures.text, measures, { label: undefined, changedBy });
    if (!verdict.keep) return "";
    if (verdict.text === measures.text) continue;
    changedBy.push(name);
    measures = new TextMeasures(verdict.text);
  }
  return measures.text;
}
