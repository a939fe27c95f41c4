import type { Stats } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { isCode, writeFileAtomic } from "../pipeline/runtime/files.ts";
import { describeIssue } from "../pipeline/runtime/schema.ts";

/** A larger file was not meant for us. */
const MAX_BYTES = 1 << 16;

const controlSchema = z.strictObject({
  /** Used instead of the schedule's, until the line is taken out. */
  learningRate: z.number().positive().optional(),
  /** Ends training after the current step, with a checkpoint. */
  stop: z.boolean().optional(),
});

/** What a person asks of a running training. */
export type Control = z.infer<typeof controlSchema>;

/** The file `control.yaml` of a run, by which a person steers it from outside. */
export interface ControlFile {
  /** What is asked for now. Looks at the file's date only, unless it has changed. */
  read(): Promise<Control>;
  /** Takes an obeyed `stop` out of the file, so that the next command does not stop at once. */
  clearStop(): Promise<void>;
}

/** @param onProblem told once of each version of the file that cannot be read; what was asked before stays in force */
export function openControlFile(path: string, onProblem: (message: string) => void): ControlFile {
  let version: string | undefined;
  let control: Control = {};

  return {
    async read() {
      const found = await factsOf(path);
      const seen = typeof found === "object" ? `${found.mtimeMs} ${found.size} ${found.ino}` : found;
      if (seen === version) return control;
      version = seen;
      const asked = typeof found === "object" ? await readControl(path, found) : found;
      if (typeof asked === "string") onProblem(`${path}: ${asked}; ignored`);
      else control = asked ?? {};
      return control;
    },
    async clearStop() {
      const { stop: _stop, ...rest } = control;
      control = rest;
      version = undefined;
      if (Object.keys(rest).length === 0) await rm(path, { force: true });
      else await writeFileAtomic(path, stringify(rest));
    },
  };
}

/** @returns undefined when there is no such file, or what is wrong with it */
async function factsOf(path: string): Promise<Stats | string | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    return isCode(error, "ENOENT") ? undefined : cannotBeRead(error);
  }
}

/** @returns what is wrong with it, if anything is: nothing that lies there may end the training or hold it up */
async function readControl(path: string, facts: Stats): Promise<Control | string | undefined> {
  if (!facts.isFile()) return "not a file";
  if (facts.size > MAX_BYTES) return `larger than ${MAX_BYTES} bytes`;
  try {
    return parseControl(await readFile(path, "utf8"));
  } catch (error) {
    return isCode(error, "ENOENT") ? undefined : cannotBeRead(error); // taken away just now
  }
}

const cannotBeRead = (error: unknown): string =>
  `cannot be read (${error instanceof Error && "code" in error ? error.code : error})`;

function parseControl(text: string): Control | string {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    return `not valid YAML (${error instanceof Error ? error.message.split("\n")[0] : error})`;
  }
  const parsed = controlSchema.safeParse(value);
  return parsed.success ? parsed.data : describeIssue(parsed.error, value);
}
