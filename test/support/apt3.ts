import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/apt3.ts", import.meta.url));
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `apt3 WORDS…` as a user would, in a process of its own; `nodeOptions` go to Node, `environment` is added. */
export function startApt3(
  words: readonly string[],
  cwd: string = ROOT,
  {
    nodeOptions = [],
    environment = {},
  }: { readonly nodeOptions?: readonly string[]; readonly environment?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [...nodeOptions, BIN, ...words], {
    cwd,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Runs `apt3 WORDS…` to its end. */
export async function runApt3(words: readonly string[], { cwd = ROOT, input = "" } = {}): Promise<Finished> {
  return await finish(startApt3(words, cwd), input);
}

/** Waits for the end of a process that `startApt3` began. */
export async function finish(child: ChildProcess, input = ""): Promise<Finished> {
  child.stdin?.end(input);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}
