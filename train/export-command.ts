import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { type ExportOptions, exportRun } from "./export.ts";

export const command: Command<ExportOptions> = {
  name: "export",
  summary: "Makes a Hugging Face folder (safetensors, config, tokenizer) of a run's newest checkpoint.",
  examples: [
    "npm run export -- --run runs/apt3-1b --out models/apt3-1b",
    "npm run export -- --run runs/demo --out models/demo --tokenizer data/demo/tokenizer --precision bf16",
  ],
  configure: (program) =>
    program
      .requiredOption("--run <folder>", "folder of the run")
      .requiredOption("--out <folder>", "folder to make")
      .option("--tokenizer <folder>", "tokenizer the data was packed with", "data/tokenizer")
      .option("--precision <type>", "f32 or bf16", "f32"),
  options: z.looseObject({
    run: z.string(),
    out: z.string(),
    tokenizer: z.string(),
    precision: z.enum(["f32", "bf16"]),
  }),
  run: exportRun,
};
