import { excerptChange } from "./evidence/trace.ts";
import { type Feature, featuresOf } from "./measures/quality.ts";
import { TextMeasures } from "./measures/text-measures.ts";
import { type Profile, profileSchema, type QualityLabel } from "./profiles.ts";
import { CorruptInput } from "./readers/corrupt-input.ts";
import { readLineBlocks } from "./readers/lines.ts";
import { openBytes } from "./readers/open.ts";
import { parseRecord, type TextRecord } from "./readers/record.ts";
import { UserError } from "./runtime/errors.ts";
import { STEPS } from "./steps/index.ts";

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
    const verdict = apply(measures.text, measures, { label, changedBy });
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

/**
 * Reads the document in one line of a JSON lines file.
 *
 * @param place `FILE:LINE`, lines counted from 1
 * @throws UserError when the file cannot be read, there is no such line, or it holds no text
 */
export async function readPlace(place: string): Promise<TextRecord> {
  const [, path, number] = /^(.+):([1-9]\d*)$/.exec(place) ?? [];
  if (path === undefined)
    throw new UserError(`${place}: expected FILE:LINE, such as data/raw/a.jsonl.zst:12`);
  const line = await readLine(path, Number(number));
  if (line === undefined) throw new UserError(`${place}: the file has fewer lines`);
  const parsed = parseRecord(Buffer.from(line));
  if (!parsed.ok)
    throw new UserError(`${place}: ingest leaves this line out when it reads it (${parsed.reason})`);
  return parsed.record;
}

/** A line of a file, counted from 1; undefined behind its end. */
async function readLine(path: string, wanted: number): Promise<string | undefined> {
  try {
    for await (const { bytes, firstLine, lines } of readLineBlocks(openBytes(path)))
      if (wanted < firstLine + lines) return Buffer.from(bytes).toString().split("\n")[wanted - firstLine];
    return undefined;
  } catch (error) {
    if (error instanceof CorruptInput) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
}
