import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { byteSize, integer } from "../pipeline/runtime/options.ts";
import { type ExportOptions, exportRun } from "./use/export.ts";

export const command: Command<ExportOptions> = {
  name: "export",
  summary: "Make a Hugging Face folder (safetensors, config, tokenizer) of a run's checkpoint.",
  examples: [
    "apt3 export --run runs/apt3-1b --out models/apt3-1b",
    "apt3 export --run runs/demo --out models/demo --tokenizer data/demo/tokenizer --precision bf16",
    "apt3 export --run runs/apt3-1b --out models/best --checkpoint best --max-shard 2GB",
  ],
  configure: (program) =>
    program
      .requiredOption("--run <folder>", "folder of the run")
      .requiredOption("--out <folder>", "folder to make")
      .option("--tokenizer <folder>", "tokenizer the data was packed with", "data/tokenizer")
      .option("--precision <type>", "f32 or bf16", "f32")
      .option("--checkpoint <which>", "newest, best (by evaluation) or a step", "newest")
      .option("--max-shard <size>", "largest file of weights", "5GB"),
  options: z
    .looseObject({
      run: z.string(),
      out: z.string(),
      tokenizer: z.string(),
      precision: z.enum(["f32", "bf16"]),
      checkpoint: z.union([z.enum(["newest", "best"]), integer(1, 1e9)], {
        error: "expected newest, best or a step",
      }),
      maxShard: byteSize,
    })
    .transform(({ maxShard, ...options }) => ({ ...options, maxShardBytes: maxShard })),
  run: exportRun,
};
