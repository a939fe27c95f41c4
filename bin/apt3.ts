#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { EXIT } from "../pipeline/runtime/errors.ts";
import { COMMANDS } from "./commands.ts";

/**
 * Keeps what Node makes of modules (types taken out, code compiled) for the next run: 0.3 of the 1.0 s of processor time
 * that a short `pack` takes (2026-11). Worker threads learn of it by the environment. It lies in the user's own cache and
 * not, as Node would have it, in a folder that all users of the machine may write to.
 */
function keepCompiledModules(): void {
  const { XDG_CACHE_HOME, HOME, USERPROFILE } = process.env;
  const home = HOME ?? USERPROFILE;
  const caches = XDG_CACHE_HOME ?? (home === undefined ? undefined : join(home, ".cache"));
  if (caches === undefined) return;
  enableCompileCache(join(caches, "apt3"));
  process.env.NODE_COMPILE_CACHE ??= join(caches, "apt3");
}

/** What there is to type, and every command with what it does. */
async function usage(): Promise<string> {
  const rows = Object.entries(COMMANDS).map(
    async ([name, { summary }]) => `  ${name.padEnd(17)}${await summary()}`,
  );
  return [
    "Usage: apt3 <command> [options]",
    "",
    "Commands:",
    ...(await Promise.all(rows)),
    "",
    "`apt3 <command> --help` shows a command's options and examples.",
    "",
  ].join("\n");
}

/** What cannot be written once a command has ended, or to those who watch, ends nothing: whoever read it is gone. */
function outliveReaders(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exitCode = EXIT.userError;
  });
}

keepCompiledModules();
outliveReaders();

const [name, ...words] = process.argv.slice(2);
const command = name === undefined ? undefined : COMMANDS[name];
if (command !== undefined) {
  process.exitCode = await command.run(words);
} else if (name === undefined || name === "--help" || name === "-h") {
  process.stdout.write(await usage());
  process.exitCode = name === undefined ? EXIT.userError : EXIT.done;
} else {
  const names = Object.keys(COMMANDS).join(", ");
  process.stderr.write(`apt3: there is no command ${JSON.stringify(name)}; one of ${names}\n`);
  process.exitCode = EXIT.userError;
}
