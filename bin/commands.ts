import type { Command } from "../pipeline/runtime/command.ts";

/** Every command, loaded only when it is asked for: takes the words after its name, gives its exit code. */
export const COMMANDS: Readonly<Record<string, (words: readonly string[]) => Promise<number>>> = {
  ingest: async (words) => run((await import("../pipeline/ingest-command.ts")).command, words),
  explain: async (words) => run((await import("../pipeline/explain-command.ts")).command, words),
  "train-tokenizer": async (words) =>
    run((await import("../tokenizer/train-tokenizer-command.ts")).command, words),
  pack: async (words) => run((await import("../tokenizer/pack-command.ts")).command, words),
  verify: async (words) => run((await import("../tokenizer/verify-command.ts")).command, words),
  tokenize: async (words) => run((await import("../tokenizer/tokenize-command.ts")).command, words),
  "serve-tokenizer": async (words) =>
    run((await import("../tokenizer/serve-tokenizer-command.ts")).command, words),
  pretrain: async (words) => run((await import("../train/pretrain-command.ts")).command, words),
  export: async (words) => run((await import("../train/export-command.ts")).command, words),
  evaluate: async (words) => run((await import("../train/evaluate-command.ts")).command, words),
  plan: async (words) => run((await import("../train/plan-command.ts")).command, words),
  generate: async (words) => run((await import("../train/generate-command.ts")).command, words),
  demo: async (words) => run((await import("../train/demo-command.ts")).command, words),
};

async function run<Options>(command: Command<Options>, words: readonly string[]): Promise<number> {
  const { runCommand } = await import("../pipeline/runtime/command.ts");
  return await runCommand(command, words);
}
