import { z } from "zod";
import { readDatasetsConfig } from "./datasets-config.ts";
import { type Explanation, explainRecord, readPlace } from "./explain.ts";
import { PROFILE_NAMES, PROFILES, type Profile } from "./profiles.ts";
import type { Command } from "./runtime/command.ts";
import { formatTable } from "./runtime/table.ts";
import { profileFor } from "./thresholds.ts";

const optionsSchema = z.object({
  place: z.string(),
  profile: z.enum(PROFILE_NAMES).default("web"),
  config: z.string().optional(),
  dataset: z.string().optional(),
});

type Options = z.infer<typeof optionsSchema>;

export const command: Command<Options> = {
  name: "explain",
  summary: "Show what every cleaning step does to one document, with every feature, threshold and verdict.",
  examples: [
    "apt3 explain data/raw/speakleash/saos.jsonl.zst:12 --profile legal",
    "apt3 explain pipeline/sample/apt3_sample_damaged_pl.jsonl.zst:20",
  ],
  configure: (program) =>
    program
      .argument("<place>", "FILE:LINE, the document: a JSON lines file and a line, counted from 1")
      .option("--profile <name>", `one of ${PROFILE_NAMES.join(", ")}`, "web")
      .option("--config <file>", "a datasets.yaml, for the thresholds it sets")
      .option("--dataset <name>", "the source or data set whose thresholds count, of --config"),
  options: optionsSchema,

  async run({ place, profile, config, dataset }, context) {
    const thresholds =
      config === undefined
        ? PROFILES[profile]
        : profileFor(
            profile,
            (await readDatasetsConfig(config)).thresholds,
            dataset === undefined ? [] : [dataset],
          );
    const explanation = explainRecord(await readPlace(place), thresholds);
    context.print(describe(explanation, thresholds));
    const { text, ...figures } = explanation;
    return { place, profile, kept: text !== undefined, ...figures };
  },
};

function describe(
  { steps, criteria, features, quality, label, text }: Explanation,
  profile: Profile,
): string {
  const outcomes = steps.map(({ step, outcome, reason = "", change }) => [
    step,
    outcome,
    change === undefined ? reason : `${shorten(change.before)} → ${shorten(change.after)}`,
  ]);
  const limits = criteria.map(({ step, reason, value, least, most, passes, meaning }) => [
    `${step}: ${reason}`,
    round(value),
    least === null ? `at most ${round(most ?? 0)}` : `at least ${round(least)}`,
    passes ? "ok" : "dropped",
    meaning,
  ]);
  const figures = features.map(({ name, value, healthy, fault, cost }) => [
    name,
    round(value),
    `${round(healthy[0])} … ${round(healthy[1])}`,
    fault === 0 ? "healthy" : `${Math.round(fault * 100)} % faulty`,
    fault === 0 ? "" : `−${round(cost)}`,
  ]);
  return [
    formatTable([["step", "outcome", ""], ...outcomes]),
    "",
    formatTable([["criterion", "value", "kept", "verdict", "threshold"], ...limits]),
    "",
    formatTable([["feature of the quality score", "value", "healthy", "verdict", "costs"], ...figures]),
    "",
    `Speakleash's label: ${label ?? "its features are not in the record"} (kept from ${profile.minLabel})`,
    `quality ${quality.toFixed(2)} (kept from ${profile.minQuality}): ${text === undefined ? "dropped" : "kept"}`,
  ].join("\n");
}

/** Three digits behind the point, and none where there is nothing to show. */
const round = (value: number) => String(Math.round(value * 1000) / 1000);

const shorten = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
