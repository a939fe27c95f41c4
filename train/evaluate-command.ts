import { z } from "zod";
import { backendNames } from "../model/backends/registry.ts";
import type { Command } from "../pipeline/runtime/command.ts";
import { integer } from "../pipeline/runtime/options.ts";
import { type EvaluateTextOptions, evaluateText } from "./use/evaluate-text.ts";

export const command: Command<EvaluateTextOptions> = {
  name: "evaluate",
  summary: "Say how well an exported model predicts a text: perplexity and bits per byte.",
  examples: [
    "apt3 evaluate --model models/apt3-1b --text pan-tadeusz.txt",
    "apt3 evaluate --model models/demo --text held-out.jsonl.zst --seq-len 1024 --stride 1024 --json",
  ],
  configure: (program) =>
    program
      .requiredOption("--model <folder>", "exported folder, or another LLaMA-shaped Hugging Face folder")
      .requiredOption("--text <file>", "text, or .jsonl with a document a line; may be .zst or .gz")
      .option("--seq-len <n>", "tokens seen at once (default: the model's context, up to 4096)")
      .option("--stride <n>", "tokens from one window to the next (default: half a window)")
      .option("--batch <n>", "windows computed at once", "4")
      .option("--backend <name>", `auto or one of ${backendNames.join(", ")}`, "auto"),
  options: z.looseObject({
    model: z.string(),
    text: z.string(),
    seqLen: integer(2, 1e6).optional(),
    stride: integer(1, 1e6).optional(),
    batch: integer(1, 1024),
    backend: z.enum(["auto", ...backendNames]),
  }),
  run: evaluateText,
};
