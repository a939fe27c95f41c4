import { existsSync, readdirSync } from "node:fs";
import { UserError } from "../../pipeline/runtime/errors.ts";

/** `npm run bench -- NAME [words]`: runs `test/bench/NAME.ts`, whose `run(words)` prints its own tables. */
const [name, ...words] = process.argv.slice(2);
const file = new URL(`./${name}.ts`, import.meta.url);
if (name === undefined || !/^[a-z-]+$/.test(name) || name === "run" || !existsSync(file)) {
  const names = readdirSync(new URL(".", import.meta.url))
    .filter((entry) => entry.endsWith(".ts") && entry !== "run.ts")
    .map((entry) => entry.slice(0, -3));
  process.stderr.write(`bench: expected one of ${names.join(", ") || "(none yet)"}\n`);
  process.exitCode = 2;
} else {
  const bench: { run(words: readonly string[]): Promise<void> } = await import(file.href);
  try {
    await bench.run(words);
  } catch (error) {
    if (!isFlagMistake(error)) throw error;
    process.stderr.write(
      `bench ${name}: ${error.message}; its flags are at the top of test/bench/${name}.ts\n`,
    );
    process.exitCode = 2;
  }
}

function isFlagMistake(error: unknown): error is Error {
  if (error instanceof UserError) return true;
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
