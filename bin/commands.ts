import type { Command } from "../pipeline/runtime/command.ts";

/** A command that is loaded only when it is asked for. */
interface CommandEntry {
  /** What the command does, in one line. */
  summary(): Promise<string>;
  /** Runs it with the words after its name; gives its exit code. */
  run(words: readonly string[]): Promise<number>;
}

function entry<Options>(load: () => Promise<{ readonly command: Command<Options> }>): CommandEntry {
  return {
    summary: async () => (await load()).command.summary,
    async run(words) {
      const { runCommand } = await import("../pipeline/runtime/command.ts");
      return await runCommand((await load()).command, words);
    },
  };
}

/** Every command by its name, in the order of their use. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  demo: entry(() => import("../train/demo-command.ts")),
  ingest: entry(() => import("../pipeline/ingest-command.ts")),
  explain: entry(() => import("../pipeline/explain-command.ts")),
  "train-tokenizer": entry(() => import("../tokenizer/train-tokenizer-command.ts")),
  tokenize: entry(() => import("../tokenizer/tokenize-command.ts")),
  "serve-tokenizer": entry(() => import("../tokenizer/serve-tokenizer-command.ts")),
  pack: entry(() => import("../tokenizer/pack-command.ts")),
  verify: entry(() => import("../tokenizer/verify-command.ts")),
  plan: entry(() => import("../train/plan-command.ts")),
  pretrain: entry(() => import("../train/pretrain-command.ts")),
  evaluate: entry(() => import("../train/evaluate-command.ts")),
  export: entry(() => import("../train/export-command.ts")),
  generate: entry(() => import("../train/generate-command.ts")),
};
