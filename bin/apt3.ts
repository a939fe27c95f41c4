#!/usr/bin/env node
import { type Command, runCommand } from "../pipeline/runtime/command.ts";

/** Every command, loaded only when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<{ command: Command<never> }>>> = {
  ingest: () => import("../pipeline/ingest-command.ts"),
};

const [name, ...words] = process.argv.slice(2);
const load = name === undefined ? undefined : COMMANDS[name];
if (load === undefined) {
  const wanted = name === undefined || name === "--help" || name === "-h";
  const usage = `usage: apt3 <command> [options]\ncommands: ${Object.keys(COMMANDS).join(", ")}\n\`apt3 <command> --help\` shows a command's options and examples\n`;
  if (wanted) process.stdout.write(usage);
  else
    process.stderr.write(
      `apt3: no command ${JSON.stringify(name)}; one of ${Object.keys(COMMANDS).join(", ")}\n`,
    );
  process.exitCode = wanted && name !== undefined ? 0 : 2;
} else {
  process.exitCode = await runCommand((await load()).command, words);
}
