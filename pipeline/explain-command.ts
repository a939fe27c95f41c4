import { z } from "zod";
import { type Explanation, explainText, readPlace } from "./explain.ts";
import { PROFILE_NAMES, PROFILES } from "./profiles.ts";
import type { Command } from "./runtime/command.ts";
import { formatTable } from "./runtime/table.ts";

const optionsSchema = z.object({
  place: z.string(),
  profile: z.enum(PROFILE_NAMES).default("web"),
});

type Options = z.infer<typeof optionsSchema>;

export const command: Command<Options> = {
  name: "explain",
  summary: "Show what every cleaning step does to one document, and every feature of its quality score.",
  examples: [
    "apt3 explain --place data/raw/speakleash/saos.jsonl.zst:12 --profile legal",
    "apt3 explain --place pipeline/sample/apt3_sample_damaged_pl.jsonl.zst:20",
  ],
  configure: (program) =>
    program
      .requiredOption("--place <file:line>", "the document: a JSON lines file and a line, counted from 1")
      .option("--profile <name>", `one of ${PROFILE_NAMES.join(", ")}`, "web"),
  options: optionsSchema,

  async run({ place, profile }, context) {
    const explanation = explainText(await readPlace(place), profile);
    context.print(describe(explanation, PROFILES[profile].minQuality));
    const { steps, features, quality, text } = explanation;
    return { place, profile, kept: text !== undefined, quality, steps, features };
  },
};

function describe({ steps, features, quality, text }: Explanation, minQuality: number): string {
  const outcomes = steps.map(({ step, outcome, reason = "", change }) => [
    step,
    outcome,
    change === undefined ? reason : `${shorten(change.before)} → ${shorten(change.after)}`,
  ]);
  const figures = features.map(({ name, value, healthy, fault }) => [
    name,
    value.toFixed(3),
    `${healthy[0]} … ${healthy[1]}`,
    fault === 0 ? "healthy" : `${Math.round(fault * 100)} % faulty`,
  ]);
  return [
    formatTable([["step", "outcome", ""], ...outcomes]),
    "",
    formatTable([["feature", "value", "healthy", "verdict"], ...figures]),
    "",
    `quality ${quality.toFixed(2)} (kept from ${minQuality}): ${text === undefined ? "dropped" : "kept"}`,
  ].join("\n");
}

const shorten = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
