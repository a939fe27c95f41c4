import { z } from "zod";
import type { CleanManifest } from "./clean-manifest.ts";
import { REJECTS } from "./evidence/evidence.ts";
import { ingest, planIngest } from "./ingest.ts";
import { describePlan, measurePlan } from "./plan.ts";
import { sumStatistics } from "./results.ts";
import type { Command, Figures, JobContext } from "./runtime/command.ts";
import { byteSize, workerCount } from "./runtime/options.ts";
import { formatBytes } from "./runtime/sizes.ts";
import { formatTable } from "./runtime/table.ts";
import { dropsByReason } from "./statistics.ts";

const optionsSchema = z.object({
  config: z.string(),
  out: z.string(),
  only: z
    .string()
    .transform((names) => names.split(",").map((name) => name.trim()))
    .optional(),
  limit: byteSize.optional(),
  bandwidth: byteSize.optional(),
  workers: workerCount,
  nearDedup: z.boolean().default(true),
  trace: z.coerce.number().int().min(0).max(1000).optional(),
  rejects: z.enum(REJECTS).optional(),
  plan: z.boolean().default(false),
});

type Options = z.infer<typeof optionsSchema>;

export const command: Command<Options> = {
  name: "ingest",
  summary: "Read, repair, clean, filter and deduplicate the texts of datasets.yaml into jsonl.zst shards.",
  examples: [
    "apt3 ingest --only sample                      # the bundled sample",
    "apt3 ingest --only plwiki,saos --limit 200MB   # the first 200 MB of two data sets",
    "apt3 ingest --plan                             # what would be read and fetched",
  ],
  configure: (program) =>
    program
      .option("--config <file>", "sources, licences and mix", "datasets.yaml")
      .option("--out <folder>", "where the clean shards go", "data/clean")
      .option("--only <names>", "only these sources or data sets, separated by commas")
      .option("--limit <size>", "stop after this much uncompressed input, such as 200MB")
      .option("--bandwidth <size>", "bytes a second that downloads may take, such as 5MB")
      .option("--workers <n>", "worker threads (default: one a core)")
      .option("--no-near-dedup", "keep documents that are nearly the same as an earlier one")
      .option("--trace <n>", "changes written to traces/ as evidence, for each step and shard (default: 3)")
      .option("--rejects <which>", "dropped documents in rejects/: sampled, or all of them whole", "sampled")
      .option("--plan", "show what would be done, and do nothing"),
  options: optionsSchema,

  async run(options, context) {
    if (options.plan) return await showPlan(options, context);
    const { trace, ...rest } = options;
    const manifest = await ingest(trace === undefined ? rest : { ...rest, traces: trace }, context);
    return report(manifest, options, context);
  },
};

async function showPlan(options: Options, context: JobContext): Promise<Figures> {
  const plan = await planIngest(options, context);
  const figures = await measurePlan(plan, options);
  context.print(describePlan(plan, figures));
  return { ...figures };
}

function report(manifest: CleanManifest, { out }: Options, context: JobContext): Figures {
  const total = sumStatistics(manifest.datasets);
  const rows = manifest.datasets.map(({ name, statistics }) => [
    name,
    statistics.documentsRead,
    statistics.documentsKept,
    formatBytes(statistics.textBytesKept),
  ]);
  context.print(`\n${formatTable([["data set", "documents", "kept", "text"], ...rows])}`);
  const steps = Object.entries(total.steps).map(([name, { documentsIn, changed, dropped }]) => [
    name,
    documentsIn,
    changed,
    Object.values(dropped).reduce((sum, count) => sum + count, 0),
  ]);
  context.print(`\n${formatTable([["step", "documents", "changed", "dropped"], ...steps])}`);
  const drops = dropsByReason(total).map(({ reason, documents }) => [reason, documents]);
  if (drops.length > 0) context.print(`\n${formatTable([["dropped because", "documents"], ...drops])}`);
  context.print(
    `\n${total.documentsKept} of ${total.documentsRead} documents kept, ${formatBytes(total.textBytesKept)} of text in ${manifest.shards.length} shards: ${out}\nexamples of what was dropped and changed: ${out}/report.html`,
  );
  const [failed] = manifest.failed;
  if (failed !== undefined) throw new PartlyFailed(manifest.failed.length, failed.message);
  return {
    out,
    documentsRead: total.documentsRead,
    documentsKept: total.documentsKept,
    textBytes: total.textBytesKept,
    characters: total.charactersKept,
    shards: manifest.shards.length,
    dropped: Object.fromEntries(dropsByReason(total).map(({ reason, documents }) => [reason, documents])),
  };
}

/** Some inputs could not be read; the rest is published. */
class PartlyFailed extends Error {
  override readonly name = "PartlyFailed";
  readonly exitCode = 1;

  constructor(count: number, first: string) {
    super(`${count} data set(s) left out, the others are done; first: ${first}`);
  }
}
