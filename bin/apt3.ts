#!/usr/bin/env node
import { runCommand } from "../pipeline/runtime/command.ts";
import { EXIT } from "../pipeline/runtime/errors.ts";

/** Every command, loaded only when it is asked for. */
const COMMANDS: Readonly<Record<string, (words: string[]) => Promise<number>>> = {
  ingest: async (words) => runCommand((await import("../pipeline/ingest-command.ts")).command, words),
  explain: async (words) => runCommand((await import("../pipeline/explain-command.ts")).command, words),
  "train-tokenizer": async (words) =>
    runCommand((await import("../tokenizer/train-tokenizer-command.ts")).command, words),
  pack: async (words) => runCommand((await import("../tokenizer/pack-command.ts")).command, words),
  verify: async (words) => runCommand((await import("../tokenizer/verify-command.ts")).command, words),
  tokenize: async (words) => runCommand((await import("../tokenizer/tokenize-command.ts")).command, words),
  "serve-tokenizer": async (words) =>
    runCommand((await import("../tokenizer/serve-tokenizer-command.ts")).command, words),
  pretrain: async (words) => runCommand((await import("../train/pretrain-command.ts")).command, words),
  export: async (words) => runCommand((await import("../train/export-command.ts")).command, words),
  evaluate: async (words) => runCommand((await import("../train/evaluate-command.ts")).command, words),
  plan: async (words) => runCommand((await import("../train/plan-command.ts")).command, words),
  generate: async (words) => runCommand((await import("../train/generate-command.ts")).command, words),
  demo: async (words) => runCommand((await import("../train/demo-command.ts")).command, words),
};
const NAMES = Object.keys(COMMANDS).join(", ");

const [name, ...words] = process.argv.slice(2);
const command = name === undefined ? undefined : COMMANDS[name];
if (command !== undefined) {
  process.exitCode = await command(words);
} else if (name === undefined || name === "--help" || name === "-h") {
  process.stdout.write(
    `usage: apt3 <command> [options]\ncommands: ${NAMES}\n\`apt3 <command> --help\` shows a command's options and examples\n`,
  );
  process.exitCode = name === undefined ? EXIT.userError : EXIT.done;
} else {
  process.stderr.write(`apt3: there is no command ${JSON.stringify(name)}; one of ${NAMES}\n`);
  process.exitCode = EXIT.userError;
}
