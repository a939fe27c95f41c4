import { type Feature, featuresOf } from "./measures/quality.ts";
import { TextMeasures } from "./measures/text-measures.ts";
import { PROFILES, type ProfileName } from "./profiles.ts";
import { readLineBlocks } from "./readers/lines.ts";
import { openBytes } from "./readers/open.ts";
import { parseRecord } from "./readers/record.ts";
import { UserError } from "./runtime/errors.ts";
import { STEPS } from "./steps/index.ts";
import { excerptChange } from "./trace.ts";

/** What one step makes of a document. */
export interface StepOutcome {
  readonly step: string;
  readonly outcome: "off" | "passed" | "changed" | "dropped";
  readonly reason?: string;
  readonly change?: { readonly before: string; readonly after: string };
}

export interface Explanation {
  readonly steps: readonly StepOutcome[];
  /** Undefined when a step dropped the document. */
  readonly text: string | undefined;
  /** Of the text as it was at the end. */
  readonly features: readonly Feature[];
  readonly quality: number;
}

/** Takes one text through all steps of a profile, and tells what each does and what the selection sees. */
export function explainText(text: string, profile: ProfileName): Explanation {
  let measures = new TextMeasures(text);
  const steps: StepOutcome[] = [];
  let dropped = false;
  for (const { name, create } of STEPS) {
    const apply = create(PROFILES[profile]);
    if (apply === undefined) {
      steps.push({ step: name, outcome: "off" });
      continue;
    }
    const verdict = apply(measures.text, measures);
    if (!verdict.keep) {
      // the later steps are told too: a document may fail for more than one reason
      steps.push({ step: name, outcome: "dropped", reason: verdict.reason });
      dropped = true;
    } else if (verdict.text === measures.text) steps.push({ step: name, outcome: "passed" });
    else {
      steps.push({ step: name, outcome: "changed", change: excerptChange(measures.text, verdict.text) });
      measures = new TextMeasures(verdict.text);
    }
  }
  return {
    steps,
    text: dropped ? undefined : measures.text,
    features: featuresOf(measures),
    quality: measures.quality,
  };
}

/**
 * Reads the text of one line of a JSON lines file.
 *
 * @param place `FILE:LINE`, lines counted from 1
 * @throws UserError when there is no such line or it holds no text
 */
export async function readPlace(place: string): Promise<string> {
  const [, path, number] = /^(.+):(\d+)$/.exec(place) ?? [];
  if (path === undefined)
    throw new UserError(`${place}: expected FILE:LINE, such as data/raw/a.jsonl.zst:12`);
  const wanted = Number(number);
  for await (const { bytes, firstLine, lines } of readLineBlocks(openBytes(path))) {
    if (firstLine + lines <= wanted) continue;
    const line = Buffer.from(bytes).toString().split("\n")[wanted - firstLine] ?? "";
    const parsed = parseRecord(Buffer.from(line));
    if (!parsed.ok) throw new UserError(`${place}: ${parsed.reason}`);
    return parsed.record.text;
  }
  throw new UserError(`${place}: the file has fewer lines`);
}
