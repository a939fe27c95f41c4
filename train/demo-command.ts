import { z } from "zod";
import { backendNames } from "../model/backends/registry.ts";
import type { Command } from "../pipeline/runtime/command.ts";
import { workerCount } from "../pipeline/runtime/options.ts";
import { demo } from "./demo.ts";

const optionsSchema = z.object({
  data: z.string(),
  run: z.string(),
  backend: z.enum(["auto", ...backendNames]),
  workers: workerCount,
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "demo",
  summary: "Go the whole way on the bundled sample: ingest, tokenizer, pack, pretrain, export, generate.",
  examples: ["apt3 demo", "apt3 demo --data /tmp/demo --run /tmp/demo-run --backend reference"],
  configure: (program) =>
    program
      .option("--data <folder>", "where texts, tokenizer, rows and model go", "data/demo")
      .option("--run <folder>", "where the training run goes", "runs/demo")
      .option("--backend <name>", `auto or one of ${backendNames.join(", ")}`, "auto")
      .option("--workers <n>", "worker threads (default: one a core)"),
  options: optionsSchema,
  run: demo,
};
