import { z } from "zod";
import { readDatasetsConfig, type Source } from "./datasets-config.ts";
import { type Explanation, explainRecord } from "./explain.ts";
import { PROFILE_NAMES, PROFILES, type Profile } from "./profiles.ts";
import { readPlace } from "./read-place.ts";
import type { Command } from "./runtime/command.ts";
import { UserError } from "./runtime/errors.ts";
import { formatTable } from "./runtime/table.ts";
import { profileFor } from "./thresholds.ts";

const optionsSchema = z.object({
  place: z.string(),
  profile: z.enum(PROFILE_NAMES).optional(),
  config: z.string().optional(),
  dataset: z.string().optional(),
  textColumn: z.string().optional(),
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
      .argument("<place>", "FILE:LINE, a line of a JSON lines file, or the n-th document of another, from 1")
      .option("--profile <name>", `one of ${PROFILE_NAMES.join(", ")} (default: that of --dataset, or web)`)
      .option("--config <file>", "a datasets.yaml, for the thresholds it sets")
      .option("--dataset <name>", "the source or data set of --config whose profile and thresholds count")
      .option("--text-column <name>", "column of a Parquet file that holds the text (default: text)"),
  options: optionsSchema,

  async run(options, context) {
    const { profile, thresholds, textColumn } = await selectionOf(options);
    const explanation = explainRecord(await readPlace(options.place, textColumn), thresholds);
    context.print(describe(explanation, thresholds));
    const { text, ...figures } = explanation;
    return { place: options.place, profile, kept: text !== undefined, ...figures };
  },
};

/** What the document is to be judged by, and where its text is: what the flags say, then what the data set's source does. */
async function selectionOf({ profile, config: path, dataset, textColumn }: Options) {
  const config = path === undefined ? undefined : await readDatasetsConfig(path);
  const source = config?.sources.find((entry) => dataset !== undefined && holds(entry, dataset));
  if (dataset !== undefined && source === undefined)
    throw new UserError(
      path === undefined
        ? `--dataset ${dataset}: name the datasets.yaml that has it with --config`
        : `--dataset ${dataset}: ${path} has no source or data set of that name`,
    );
  const name = profile ?? source?.profile ?? "web";
  return {
    profile: name,
    thresholds:
      config === undefined ? PROFILES[name] : profileFor(name, config.thresholds, namesOf(source, dataset)),
    textColumn: textColumn ?? source?.textColumn ?? "text",
  };
}

/** Whose thresholds count: the source's, before them its data set's. */
const namesOf = (source: Source | undefined, dataset: string | undefined) =>
  [source?.name, dataset].filter((name) => name !== undefined);

/** Whether a name is a source's or may be that of a data set in it. */
function holds(source: Source, name: string): boolean {
  if (source.name === name) return true;
  return source.kind === "speakleash" && (source.datasets === "all" || source.datasets.includes(name));
}

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
