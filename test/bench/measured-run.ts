import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface MeasuredRun {
  readonly stdout: string;
  readonly seconds: number;
  /** Processor time of all threads, in seconds. */
  readonly processorSeconds: number;
  /** Largest resident memory, in bytes. */
  readonly peakBytes: number;
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
  const poll = setInterval(() => {
    try {
      const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      processorSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS || processorSeconds;
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
      peakBytes = Math.max(peakBytes, Number(peak?.[1] ?? 0) * 1024);
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
  return { stdout, seconds: (performance.now() - start) / 1000, processorSeconds, peakBytes };
}
