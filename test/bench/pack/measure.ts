import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

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

/** Runs a command of ours as a user does, and says what it took. */
export function runCommand(words: readonly string[], usageFile: string): Cost {
  const started = performance.now();
  const run = spawnSync(process.execPath, ["--import", REPORT, BIN, ...words], {
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
