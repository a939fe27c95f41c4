import assert from "node:assert/strict";
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/apt3.ts", import.meta.url));
const HOST = fileURLToPath(new URL("./command-host.ts", import.meta.url));
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

/** The user's mistake: exit code 2, one line that says all of it, and no stack. */
export function assertUserError(finished: Finished, line: RegExp): void {
  assert.equal(finished.code, 2, finished.stderr + finished.stdout);
  assert.match(finished.stderr.trimEnd().split("\n").at(-1) ?? "", line);
  assert.doesNotMatch(finished.stderr, /^\s+at /m);
}

/**
 * Runs `apt3 WORDS…` many times in one process in the folder `cwd`, one at a time: a start, a third of a second of
 * processor time and more, is paid once. For what is neither about processes nor about standard input. The process ends
 * with the tests of the calling file.
 */
export function commandHost(cwd: string): (...words: string[]) => Promise<Finished> {
  let host: ChildProcess | undefined;
  after(() => host?.kill());
  return async (...words) => {
    host ??= fork(HOST, { cwd, execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const ended = new AbortController();
    const died = once(host, "exit", { signal: ended.signal }).then(([code]) => {
      throw new Error(`apt3 ${words.join(" ")} ended its process with ${code}`);
    });
    host.send(words);
    try {
      const [finished] = (await Promise.race([once(host, "message"), died])) as [Finished];
      return finished;
    } finally {
      died.catch(() => {});
      ended.abort();
    }
  };
}
