import { z } from "zod";
import type { Command, JobContext } from "../pipeline/runtime/command.ts";
import { byteSize, decimal, integer, seed, workerCount } from "../pipeline/runtime/options.ts";
import { formatBytes, formatCount, formatDuration } from "../pipeline/runtime/sizes.ts";
import { formatTable } from "../pipeline/runtime/table.ts";
import { describeFit, fitWorkers } from "./pack/encode/memory.ts";
import { pack } from "./pack/pack.ts";
import { type PackPlan, planPack } from "./pack/plan.ts";
import { type PackedManifest, SPLITS, STRATEGIES } from "./pack/shards/packed-manifest.ts";

/** `none`, or `speakleash=93,web=6,wikipedia=1`. */
const mixSchema = z
  .string()
  .regex(
    /^none$|^[^=,]+=\d+(\.\d+)?(,[^=,]+=\d+(\.\d+)?)*$/,
    "expected none, or weights such as web=6,wikipedia=1",
  )
  .transform((text, context): "none" | Record<string, number> => {
    if (text === "none") return text;
    const pairs = text.split(",").map((pair) => pair.split("=") as [string, string]);
    const mix = Object.fromEntries(pairs.map(([group, weight]) => [group, Number(weight)]));
    if (Object.keys(mix).length < pairs.length)
      context.addIssue({ code: "custom", message: "expected each group once" });
    return mix;
  });

const optionsSchema = z.object({
  input: z.string(),
  tokenizer: z.string(),
  out: z.string(),
  seqLen: integer(2, 1 << 20),
  strategy: z.enum(STRATEGIES),
  bos: z.boolean(),
  eos: z.boolean(),
  documentStarts: z.boolean().default(false),
  mix: mixSchema.optional(),
  maxEpochs: decimal(1, 1000),
  seed,
  validationShare: decimal(0, 0.5),
  shardSize: byteSize.pipe(z.number().max(2 ** 30, "expected at most 1GiB")),
  workers: workerCount,
  memory: byteSize,
  plan: z.boolean().default(false),
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "pack",
  summary: "Encode texts and pack them into shuffled rows of token ids in Arrow shards.",
  examples: [
    "apt3 pack                                               # data/clean → data/packed",
    "apt3 pack --plan                                        # rows, shards, disk and time, without packing",
    "apt3 pack --input my-texts --seq-len 1024 --seed 7 --out data/packed-1024",
    "apt3 pack --strategy best-fit --document-starts --mix speakleash=93,web=6,wikipedia=1",
  ],
  configure: (program) =>
    program
      .option(
        "--input <folder>",
        "made by ingest, or .jsonl(.zst|.gz) and .txt files of your own",
        "data/clean",
      )
      .option("--tokenizer <folder>", "with a tokenizer.json", "data/tokenizer")
      .option("--out <folder>", "where the shards go", "data/packed")
      .option("--seq-len <n>", "tokens a row", "2048")
      .option("--strategy <name>", "concat: one stream, cut; best-fit: documents whole, padded", "concat")
      .option("--no-bos", "no <s> before each document")
      .option("--no-eos", "no </s> behind each document")
      .option("--document-starts", "add a column with the places where documents start")
      .option("--mix <weights>", "group=weight,… or none (default: the weights of datasets.yaml)")
      .option("--max-epochs <x>", "passes over a small group at most, to reach its weight", "4")
      .option("--seed <n>", "decides the order of the rows", "1337")
      .option("--validation-share <x>", "share of documents held out, by the hash of their text", "0.005")
      .option("--shard-size <size>", "size after which a shard is closed", "512MiB")
      .option("--workers <n>", "worker threads (default: one a core)")
      .option("--memory <size>", "for everything; there are no more workers than fit into it", "1.5GB")
      .option("--plan", "print what packing will take, and stop"),
  options: optionsSchema,

  async run({ plan, shardSize, memory, ...options }, context) {
    const workers = fitWorkers(options.workers, memory);
    const fit = describeFit(options.workers, memory);
    if (fit !== undefined) context.print(fit);
    const packOptions = { ...options, workers, shardBytes: shardSize };
    if (plan) {
      const figures = await planPack(packOptions, context);
      context.print(formatPlan(figures, workers));
      return { ...figures };
    }
    const manifest = await pack(packOptions, context);
    printManifest(manifest, options.out, context);
    const { splits, groups, shards, inputs } = manifest;
    return {
      out: options.out,
      splits,
      groups,
      shards: shards.length,
      bytes: shards.reduce((sum, shard) => sum + shard.bytes, 0),
      rejectedLines: inputs.reduce((sum, input) => sum + input.rejectedLines, 0),
    };
  },
};

function formatPlan(plan: PackPlan, workers: number): string {
  return formatTable([
    ["estimated from a sample", ""],
    [
      "texts",
      `${formatBytes(plan.textBytes)} in ${plan.files} files, ${formatCount(plan.documents)} documents`,
    ],
    ["tokens", formatCount(plan.tokens)],
    ["rows", formatCount(plan.rows)],
    ["shards", `${plan.shards}, ${formatBytes(plan.shardBytes)}`],
    ["scratch, removed in the end", formatBytes(plan.scratchBytes)],
    [
      "disk needed / free",
      `${formatBytes(plan.shardBytes + plan.scratchBytes)} / ${formatBytes(plan.freeBytes)}`,
    ],
    ["time", `${formatDuration(plan.seconds)} with ${workers} workers`],
  ]);
}

function printManifest(
  { splits, groups, shards, inputs }: PackedManifest,
  out: string,
  context: JobContext,
): void {
  const percent = (part: number, whole: number) => `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(2)} %`;
  const rows = SPLITS.map((split) => {
    const { documents, tokens, rows, droppedTokens, paddingTokens } = splits[split];
    return [split, documents, tokens, rows, droppedTokens, percent(paddingTokens, tokens + paddingTokens)];
  });
  context.print(formatTable([["split", "documents", "tokens", "rows", "left over", "padding"], ...rows]));
  if (groups.some(({ weight }) => weight !== undefined)) {
    const weights = groups.reduce((sum, { weight = 0 }) => sum + weight, 0);
    const mixed = groups.map(({ group, weight = 0, share, epochs, rows, droppedRows }) => {
      return [group, percent(weight, weights), percent(share, 1), epochs.toFixed(2), rows, droppedRows];
    });
    context.print(formatTable([["group", "weight", "share", "epochs", "rows", "rows left out"], ...mixed]));
  }
  const rejectedLines = inputs.reduce((sum, input) => sum + input.rejectedLines, 0);
  if (rejectedLines > 0) context.print(`${rejectedLines} lines held no document and were left out`);
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  context.print(`${shards.length} shards, ${formatBytes(bytes)}: ${out}`);
}
