import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPackedManifest } from "../../../tokenizer/pack/shards/packed-folder.ts";

const BIN = fileURLToPath(new URL("../../../bin/apt3.ts", import.meta.url));

/** What something took: processor time of all threads, time by the clock, largest resident memory. */
export interface Cost {
  readonly cpu: number;
  readonly wall: number;
  readonly peakBytes: number;
}

/** Processor and wall seconds of some work in this process, the better of `rounds`. */
export async function time(work: () => Promise<unknown>, rounds = 1): Promise<{ cpu: number; wall: number }> {
  let best = { cpu: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    const wall = (performance.now() - started) / 1000;
    best = { cpu: Math.min(best.cpu, (user + system) / 1e6), wall: Math.min(best.wall, wall) };
  }
  return best;
}

/** Leaves what the process used in a file, once its main thread ends. */
const REPORT = `data:text/javascript,
  import { isMainThread } from "node:worker_threads";
  import { writeFileSync } from "node:fs";
  if (isMainThread) process.on("exit", () => writeFileSync(process.env.APT3_USAGE, JSON.stringify(process.resourceUsage())));
`;

/**
 * Runs a command of ours as a user does, and says what it took.
 *
 * @param cores to bind it to, as `taskset` takes them (`0`, `0,1`); any when absent
 */
export function runCommand(words: readonly string[], usageFile: string, cores?: string): Cost {
  const started = performance.now();
  const line = [process.execPath, "--import", REPORT, BIN, ...words];
  if (cores !== undefined) line.unshift("taskset", "-c", cores);
  const run = spawnSync(line[0]!, line.slice(1), {
    env: { ...process.env, APT3_USAGE: usageFile },
    encoding: "utf8",
  });
  const wall = (performance.now() - started) / 1000;
  if (run.status !== 0)
    throw new Error(`${words.join(" ")}: exit code ${run.status}: ${run.stderr.slice(-500)}`);
  const usage: NodeJS.ResourceUsage = JSON.parse(readFileSync(usageFile, "utf8"));
  return {
    cpu: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    wall,
    peakBytes: usage.maxRSS * 1024,
  };
}

/** Megabytes a second. */
export const rate = (bytes: number, seconds: number): string => (bytes / 1e6 / seconds).toFixed(1);

/** A cost and what came of it. */
export interface PackRun extends Cost {
  readonly tokens: number;
}

/** Packs into a folder that is removed again. */
export async function packOnce(
  input: string,
  tokenizer: string,
  folder: string,
  words: readonly string[],
  cores?: string,
): Promise<PackRun> {
  const out = join(folder, "packed");
  const given = ["pack", "--input", input, "--tokenizer", tokenizer, "--out", out, ...words];
  const cost = runCommand(given, join(folder, "usage.json"), cores);
  const { splits } = await readPackedManifest(out);
  rmSync(out, { recursive: true });
  return { ...cost, tokens: splits.train.tokens + splits.validation.tokens };
}
