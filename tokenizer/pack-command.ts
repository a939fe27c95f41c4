import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { decimal, integer, seed, workerCount } from "../pipeline/runtime/options.ts";
import { formatBytes } from "../pipeline/runtime/sizes.ts";
import { formatTable } from "../pipeline/runtime/table.ts";
import { pack } from "./pack/pack.ts";
import { SPLITS } from "./pack/packed-manifest.ts";

const optionsSchema = z.object({
  input: z.string(),
  tokenizer: z.string(),
  out: z.string(),
  seqLen: integer(2, 1 << 20),
  seed,
  validationShare: decimal(0, 0.5),
  workers: workerCount,
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "pack",
  summary: "Encode texts and pack them into shuffled rows of token ids in Arrow shards.",
  examples: [
    "apt3 pack                                               # data/clean → data/packed",
    "apt3 pack --input my-texts --seq-len 1024 --seed 7 --out data/packed-1024",
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
      .option("--seed <n>", "decides the order of the rows", "1337")
      .option("--validation-share <x>", "share of documents held out, by the hash of their text", "0.005")
      .option("--workers <n>", "worker threads (default: one a core)"),
  options: optionsSchema,

  async run(options, context) {
    const manifest = await pack(options, context);
    const rows = SPLITS.map((split) => {
      const { documents, tokens, rows, droppedTokens } = manifest.splits[split];
      return [split, documents, tokens, rows, droppedTokens];
    });
    context.print(formatTable([["split", "documents", "tokens", "rows", "left over"], ...rows]));
    const rejectedLines = manifest.inputs.reduce((sum, input) => sum + input.rejectedLines, 0);
    if (rejectedLines > 0) context.print(`${rejectedLines} lines held no document and were left out`);
    const bytes = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0);
    context.print(`${manifest.shards.length} shards, ${formatBytes(bytes)}: ${options.out}`);
    return {
      out: options.out,
      splits: manifest.splits,
      shards: manifest.shards.length,
      bytes,
      rejectedLines,
    };
  },
};
