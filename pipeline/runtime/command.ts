import { setImmediate } from "node:timers/promises";
import { Command as Commander, CommanderError, Option } from "commander";
import type { z } from "zod";
import { describeFailure, EXIT, Interrupted, UserError } from "./errors.ts";
import { isCode } from "./files.ts";
import { createProgress, type Progress, silentProgress } from "./progress.ts";
import { describeIssue } from "./schema.ts";

/** What a running job may use of its surroundings. */
export interface JobContext {
  /** Aborted by SIGINT or SIGTERM: finish or abandon the current unit, then throw `signal.reason`. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** A machine-readable event: one JSON line on stdout with `--json`, nothing otherwise. */
  emit(event: { readonly event: string } & Record<string, unknown>): void;
  /** A result for people: a line on stdout, nothing with `--json`. */
  print(text: string): void;
}

/** Figures a command ends with; with `--json` they are the members of the last line, `{"event":"done",…}`. */
export type Figures = Record<string, unknown>;

/** One command of `apt3`: what it is called, what it takes, what it does. */
export interface Command<Options> {
  readonly name: string;
  /** One line, shown by `--help`. */
  readonly summary: string;
  /** Whole command lines of the installed `apt3`, shown by `--help` in the form the user has. */
  readonly examples: readonly [string, string, ...string[]];
  /** Declares the flags; `--json` and `--help` are there already. */
  configure(program: Commander): void;
  /** Checks and converts what commander collected (camel-cased flag names). */
  readonly options: z.ZodType<Options>;
  run(options: Options, context: JobContext): Promise<Figures>;
}

/** A context for library use and tests: nothing is shown, nothing interrupts. */
export function silentContext(signal: AbortSignal = new AbortController().signal): JobContext {
  return { signal, progress: silentProgress, emit() {}, print() {} };
}

/**
 * Runs a command with the words after its name and returns the exit code:
 * 0 done, 1 failed, 2 the user's mistake, 130 interrupted.
 */
export async function runCommand<Options>(
  command: Command<Options>,
  words: readonly string[],
): Promise<number> {
  const json = words.includes("--json");
  const signals = listenForSignals();
  const progress = createProgress(process.stderr);
  const context: JobContext = {
    signal: signals.signal,
    progress,
    emit: (event) => void (json && process.stdout.write(`${JSON.stringify(event)}\n`)),
    print: (text) => void (json || process.stdout.write(`${text}\n`)),
  };
  try {
    const options = parseOptions(command, words);
    const figures = await command.run(options, context);
    progress.close();
    await signals.requireOutput();
    context.emit({ event: "done", ...figures });
    return EXIT.done;
  } catch (error) {
    progress.close();
    const { signal } = signals;
    const isLostReader = signal.aborted && isCode(error, "EPIPE"); // where a job writes to it by itself
    return reportFailure(command.name, isLostReader ? signal.reason : error, context);
  } finally {
    signals.stop();
  }
}

/** Whether npm started this command, in a checkout, where there is no `apt3` to type. */
const isRunByNpm = (name: string) => process.env.npm_lifecycle_event === name;

/** A command line of the installed `apt3` as it is typed here. */
function asTyped(line: string, name: string): string {
  if (!isRunByNpm(name)) return line;
  const run = /[|<>]/.test(line) ? "npm run -s" : "npm run"; // npm's own lines must stay out of pipes
  return line
    .replace(/apt3 ([a-z-]+)(?=\s*(?:#|$))/g, `${run} $1   `) // as wide as with ` --`
    .replace(/apt3 ([a-z-]+)(?= )/g, `${run} $1 --`)
    .trimEnd();
}

function parseOptions<Options>(command: Command<Options>, words: readonly string[]): Options {
  const program = new Commander(
    isRunByNpm(command.name) ? `npm run ${command.name} --` : `apt3 ${command.name}`,
  )
    .description(command.summary)
    .exitOverride()
    .configureOutput({ writeErr() {} })
    .allowExcessArguments(false)
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      `\nExamples:\n${command.examples.map((line) => `  ${asTyped(line, command.name)}`).join("\n")}\n`,
    );
  command.configure(program);
  program.addOption(new Option("--json", "one JSON object a line on stdout, progress on stderr"));
  program.parse([...words], { from: "user" });

  const given = { ...program.opts(), ...namedArguments(program) };
  const parsed = command.options.safeParse(given);
  if (!parsed.success) {
    const key = String(parsed.error.issues[0]?.path[0] ?? "");
    const flag = program.options.find((option) => option.attributeName() === key)?.long ?? key;
    throw new UserError(describeIssue(parsed.error, given).replace(key, flag));
  }
  return parsed.data;
}

/** Positional arguments under the names they were declared with. */
function namedArguments(program: Commander): Record<string, unknown> {
  return Object.fromEntries(
    program.registeredArguments.map((argument, index) => [argument.name(), program.processedArgs[index]]),
  );
}

function reportFailure(name: string, error: unknown, context: JobContext): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done; // --help was shown
    const message = error.message
      .replace(/^error: /, "")
      .replace(/\.$/, "")
      .replace(/\s*\n\s*/g, " ");
    process.stderr.write(`apt3 ${name}: ${message}; see \`${asTyped(`apt3 ${name} --help`, name)}\`\n`);
    context.emit({ event: "error", exitCode: EXIT.userError, message });
    return EXIT.userError;
  }
  const failure = describeFailure(error);
  process.stderr.write(`apt3 ${name}: ${failure.message}\n`);
  if (failure.stack !== undefined) process.stderr.write(`${failure.stack}\n`);
  context.emit({ event: "error", exitCode: failure.exitCode, message: failure.message });
  return failure.exitCode;
}

interface Signals {
  readonly signal: AbortSignal;
  /** @throws what kept results from being written, for a job that came to its end in spite of it */
  requireOutput(): Promise<void>;
  stop(): void;
}

/**
 * The first SIGINT or SIGTERM asks the job to stop at its next safe point; the second ends the process at once. So does a
 * standard output that nobody reads any more, as in `apt3 generate … | head -1`, or that cannot be written.
 */
function listenForSignals(): Signals {
  const controller = new AbortController();
  let lost: Error | undefined;
  const onOutputError = (error: Error) => {
    const isClosed = isCode(error, "EPIPE");
    if (!isClosed) lost ??= Object.assign(error, { path: "standard output" });
    controller.abort(isClosed ? new Interrupted("SIGPIPE") : error);
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write(`\n${name}: stopping at the next safe point (again to stop at once)\n`);
    controller.abort(new Interrupted(name));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  process.stdout.on("error", onOutputError);
  return {
    signal: controller.signal,
    async requireOutput() {
      await setImmediate(); // a stream tells of its failures a turn later
      if (lost !== undefined) throw lost;
    },
    stop() {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
      process.stdout.off("error", onOutputError);
    },
  };
}
