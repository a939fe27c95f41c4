import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Job, Summary, Times } from "./job.ts";

/** A process that measures when it is asked to, and sleeps in between. */
export interface Side {
  measure(): Promise<Times[]>;
  end(): Promise<Summary>;
}

/** Our worker. */
export const openOurs = (job: Job): Side =>
  openSide(job, process.execPath, [fileURLToPath(new URL("worker.ts", import.meta.url))], process.env);

/** The peer's worker, on an interpreter with torch and transformers. */
export function openTorch(job: Job, python: string): Side {
  // OPENBLAS_CORETYPE may pin a slower kernel than the processor has: the peer is measured at its best.
  const { OPENBLAS_CORETYPE: _, ...env } = process.env;
  return openSide(job, python, [fileURLToPath(new URL("torch_worker.py", import.meta.url))], env);
}

function openSide(job: Job, command: string, words: readonly string[], env: NodeJS.ProcessEnv): Side {
  const child = spawn(command, words, { stdio: ["pipe", "pipe", "pipe"], env });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const failed = new Promise<never>((_, reject) => child.on("error", reject));
  failed.catch(() => undefined); // whoever waits for a line gets the failure
  child.stdin.on("error", () => undefined); // as above: the line does not come
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<unknown> => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true) throw new Error(said.trim().split("\n").at(-1) ?? `${command} ended`);
    return JSON.parse(line.value);
  };
  child.stdin.write(`${JSON.stringify(job)}\n`);
  return {
    measure() {
      child.stdin.write("\n");
      return nextLine() as Promise<Times[]>;
    },
    end() {
      child.stdin.end();
      return nextLine() as Promise<Summary>;
    },
  };
}
