import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface MeasuredRun {
  readonly stdout: string;
  readonly seconds: number;
  /** Processor time of all threads, in seconds. */
  readonly processorSeconds: number;
  /** Largest resident memory, in bytes. */
  readonly peakBytes: number;
  /** Resident memory on average over the second and over the last quarter of the time, in bytes: whether it grows. */
  readonly averageBytes: readonly [second: number, last: number];
}

/** Linux counts processor time in ticks of 1/100 s. */
const TICKS = 100;
const POLL_MS = 20;

/**
 * Runs a program bound to the given cores (`0`, `0,1`) and measures it. Linux only, by what /proc says: the last
 * look is at most 20 ms before the end.
 *
 * @throws Error with the end of its stderr when it fails
 */
export async function measuredRun(
  cores: string,
  command: string,
  words: readonly string[],
): Promise<MeasuredRun> {
  const start = performance.now();
  const child = spawn("taskset", ["-c", cores, command, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  let [processorSeconds, peakBytes] = [0, 0];
  const resident: number[] = [];
  const poll = setInterval(() => {
    try {
      const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      processorSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS || processorSeconds;
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      const bytesOf = (name: string) =>
        Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
      peakBytes = Math.max(peakBytes, bytesOf("VmHWM"));
      if (bytesOf("VmRSS") > 0) resident.push(bytesOf("VmRSS"));
    } catch {
      // it has just ended
    }
  }, POLL_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearInterval(poll);
  if (code !== 0) throw new Error(`${command} ${words.join(" ")} failed: ${stderr.slice(-2000)}`);
  const quarter = Math.floor(resident.length / 4);
  const averageBytes = [
    average(resident.slice(quarter, 2 * quarter)),
    average(resident.slice(-quarter)),
  ] as const;
  return { stdout, seconds: (performance.now() - start) / 1000, processorSeconds, peakBytes, averageBytes };
}

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
