import { z } from "zod";
import { backendNames } from "../model/backends/registry.ts";
import type { Command } from "../pipeline/runtime/command.ts";
import { decimal, integer } from "../pipeline/runtime/options.ts";
import { type PretrainOptions, pretrain } from "./pretrain.ts";

export const command: Command<PretrainOptions> = {
  name: "pretrain",
  summary: "Trains a language model on packed rows. The same command again continues where it was stopped.",
  examples: [
    "npm run pretrain -- --config train/configs/apt3-1b.yaml --data data/packed --out runs/apt3-1b",
    "npm run pretrain -- --config demo --steps 100 --backend reference",
    "npm run pretrain -- --plan",
    "npm run pretrain -- --out runs/demo --resume --steps 200",
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
      .option("--steps <n>", "stop after this step of the schedule")
      .option("--plan", "print parameters, memory, steps and operations, and stop")
      .option("--peak-tflops <n>", "peak of the device, for the model FLOP/s utilization (MFU)"),
  options: z
    .looseObject({
      config: z.string().optional(),
      data: z.string(),
      out: z.string().optional(),
      backend: z.enum(["auto", ...backendNames]),
      resume: z.boolean().default(false),
      steps: integer(1, 1e9).optional(),
      plan: z.boolean().default(false),
      peakTflops: decimal(0.001, 1e6).optional(),
    })
    .transform(({ peakTflops, ...options }) => ({ ...options, peakTeraflops: peakTflops })),
  run: pretrain,
};
