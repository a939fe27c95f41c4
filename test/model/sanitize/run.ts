import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cpuInstructionSets } from "../../../model/backends/cpu.ts";

/**
 * `npm run check:sanitize`: builds the native code with the address and undefined-behaviour sanitizers and runs every
 * operation under them. Needs g++ on Linux. Leaks are looked for by resident memory in cpu.test.ts: Node itself keeps
 * memory at exit that a leak checker would report.
 */
const build = fileURLToPath(new URL("../../../bin/native/build.mjs", import.meta.url));
execFileSync(process.execPath, [build, "--sanitize"], { stdio: "inherit" });
// The sanitizer's runtime must be loaded before Node's own allocations.
const runtime = ["libasan.so", "libubsan.so"].map((name) =>
  execFileSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" }).trim(),
);
const script = fileURLToPath(new URL("operations.ts", import.meta.url));
const { status } = spawnSync(process.execPath, [script, ...cpuInstructionSets()], {
  stdio: "inherit",
  env: { ...process.env, LD_PRELOAD: runtime.join(" "), ASAN_OPTIONS: "detect_leaks=0" },
});
process.exitCode = status ?? 1;
