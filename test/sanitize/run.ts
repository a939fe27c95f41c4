import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cpuInstructionSets } from "../../model/backends/cpu.ts";

/**
 * `npm run check:sanitize`: builds the native code with the address and undefined-behaviour sanitizers and runs every
 * operation of the cpu backend, the tokenizer's encoder and the text reader of ingest under them. Needs g++ on Linux.
 * Leaks are looked for by resident memory in cpu.test.ts: Node itself keeps memory at exit that a leak checker would
 * report.
 */
const build = fileURLToPath(new URL("../../native/build.mjs", import.meta.url));
execFileSync(process.execPath, [build, "--sanitize"], { stdio: "inherit" });
// The sanitizer's runtime must be loaded before Node's own allocations.
const runtime = ["libasan.so", "libubsan.so"].map((name) =>
  execFileSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" }).trim(),
);
for (const words of [["operations.ts", ...cpuInstructionSets()], ["encoding.ts"], ["measuring.ts"]]) {
  const [script = "", ...more] = words;
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...more], {
    stdio: "inherit",
    env: { ...process.env, LD_PRELOAD: runtime.join(" "), ASAN_OPTIONS: "detect_leaks=0" },
  });
  if (status !== 0) process.exitCode = status ?? 1;
}
