import { z } from "zod";
import { backendNames } from "../model/backends/registry.ts";
import type { Command } from "../pipeline/runtime/command.ts";
import { decimal, integer } from "../pipeline/runtime/options.ts";
import { duration } from "./duration.ts";
import { type PretrainOptions, pretrain } from "./pretrain.ts";

export const command: Command<PretrainOptions> = {
  name: "pretrain",
  summary: "Train a language model on packed rows. The same command again continues where it was stopped.",
  examples: [
    "apt3 pretrain --config train/configs/apt3-1b.yaml --data data/packed --out runs/apt3-1b",
    "apt3 pretrain --config demo --steps 100 --backend reference",
    "apt3 pretrain --plan --tokens-per-second 16000",
    "apt3 pretrain --out runs/demo --resume --steps 200",
    "apt3 pretrain --max-time 8h          # ends with a checkpoint; run it again tomorrow night",
    "apt3 pretrain --init-from models/apt3-1b-base --out runs/continued",
    "echo 'learningRate: 1.0e-4' > runs/apt3-1b/control.yaml   # while it trains; `stop: true` ends it",
  ],
  configure: (program) =>
    program
      .option(
        "--config <file>",
        "training config, or the name of a shipped one (default: the run's own with --resume, else apt3-1b)",
      )
      .option("--data <folder>", "packed rows", "data/packed")
      .option("--out <folder>", "folder of the run (default: runs/ and the config's name)")
      .option("--backend <name>", `auto or one of ${backendNames.join(", ")}`, "auto")
      .option("--resume", "continue an existing run, also beyond the step it was finished at")
      .option("--init-from <folder>", "start from the weights of a LLaMA-shaped Hugging Face folder")
      .option("--tokenizer <folder>", "for samples during training (default: data/tokenizer)")
      .option("--steps <n>", "stop after this step of the schedule")
      .option("--max-tokens <n>", "stop at the last step within so many tokens of the whole run")
      .option("--max-time <duration>", "end this command with a checkpoint in time: 90m, 2h30m, 1d")
      .option("--epochs <n>", "passes over the data after which training ends, or unlimited")
      .option("--plan", "print parameters, memory, steps and operations, and stop")
      .option("--tokens-per-second <n>", "speed for the plan's time; see also `npm run plan`")
      .option("--peak-tflops <n>", "peak of the device, for the model FLOP/s utilization (MFU)"),
  options: z
    .looseObject({
      config: z.string().optional(),
      data: z.string(),
      out: z.string().optional(),
      backend: z.enum(["auto", ...backendNames]),
      resume: z.boolean().default(false),
      initFrom: z.string().optional(),
      tokenizer: z.string().optional(),
      steps: integer(1, 1e9).optional(),
      maxTokens: decimal(1, 1e15).optional(),
      maxTime: duration.optional(),
      epochs: z.union([z.literal("unlimited"), integer(1, 1e6)]).optional(),
      plan: z.boolean().default(false),
      tokensPerSecond: decimal(1e-3, 1e9).optional(),
      peakTflops: decimal(0.001, 1e6).optional(),
    })
    .transform(({ peakTflops, maxTime, ...options }) => ({
      ...options,
      maxSeconds: maxTime,
      peakTeraflops: peakTflops,
    })),
  run: pretrain,
};
