import { excerptChange } from "./evidence/trace.ts";
import { type Feature, featuresOf } from "./measures/quality.ts";
import { TextMeasures } from "./measures/text-measures.ts";
import { type Profile, profileSchema, type QualityLabel } from "./profiles.ts";
import type { TextRecord } from "./readers/record.ts";
import { STEPS } from "./steps/index.ts";
import { judge } from "./steps/step.ts";

/** What one step makes of a document. */
export interface StepOutcome {
  readonly step: string;
  readonly outcome: "off" | "passed" | "changed" | "dropped";
  readonly reason?: string;
  readonly change?: { readonly before: string; readonly after: string };
}

/** A figure that a step selects by. */
export interface CriterionOutcome {
  readonly step: string;
  readonly reason: string;
  readonly value: number;
  /** The least and the most that is kept; `null` where there is no such limit. */
  readonly least: number | null;
  readonly most: number | null;
  readonly passes: boolean;
  /** Name of the threshold in datasets.yaml, what it means, and where its value comes from. */
  readonly threshold: string;
  readonly meaning: string;
}

export interface Explanation {
  readonly steps: readonly StepOutcome[];
  readonly criteria: readonly CriterionOutcome[];
  /** Undefined when a step dropped the document. */
  readonly text: string | undefined;
  /** Speakleash's label, where the record holds its features. */
  readonly label: QualityLabel | undefined;
  /** Of the text as it was at the end. */
  readonly features: readonly Feature[];
  readonly quality: number;
}

/** Takes one document through all steps of a profile, and tells what each does and what the selection sees. */
export function explainRecord({ text, label }: TextRecord, profile: Profile): Explanation {
  let measures = new TextMeasures(text);
  const steps: StepOutcome[] = [];
  const criteria: CriterionOutcome[] = [];
  const changedBy: string[] = [];
  let dropped = false;
  for (const { name, create, criteria: looksAt = [] } of STEPS) {
    for (const { reason, threshold, of, range } of looksAt) {
      const value = of(measures);
      const [least, most] = range(profile);
      criteria.push({
        step: name,
        reason,
        value,
        least: Number.isFinite(least) ? least : null,
        most: Number.isFinite(most) ? most : null,
        passes: value >= least && value <= most,
        threshold,
        meaning: profileSchema.shape[threshold].description ?? "",
      });
    }
    const apply = create(profile);
    if (apply === undefined) {
      steps.push({ step: name, outcome: "off" });
      continue;
    }
    const verdict = judge(apply, measures.text, measures, { label, changedBy });
    if (!verdict.keep) {
      // the later steps are told too: a document may fail for more than one reason
      steps.push({ step: name, outcome: "dropped", reason: verdict.reason });
      dropped = true;
    } else if (verdict.text === measures.text) steps.push({ step: name, outcome: "passed" });
    else {
      steps.push({ step: name, outcome: "changed", change: excerptChange(measures.text, verdict.text) });
      changedBy.push(name);
      measures = new TextMeasures(verdict.text);
    }
  }
  return {
    steps,
    criteria,
    text: dropped ? undefined : measures.text,
    label,
    features: featuresOf(measures),
    quality: measures.quality,
  };
}
