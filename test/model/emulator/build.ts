import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/*
 * Builds the CPU harness: a shared library that stands in for CUDA's driver and runs the kernels of model/native/cuda as
 * C++, and the kernels' own tests. Objects are kept under a hash of all that went into them.
 */

const folder = fileURLToPath(new URL(".", import.meta.url));
const kernelFolder = fileURLToPath(new URL("../../../model/native/cuda", import.meta.url));

/** The checked build sees every access of a kernel to memory (checker.h), at a tenth of the speed. */
export type Variant = "fast" | "checked";

export interface Emulator {
  /** Stands in for libcuda.so.1. */
  readonly library: string;
  /** Program that runs the kernels' own tests: arguments library, suite, modules. */
  readonly tests: string;
}

/** Why the harness cannot be built here, or undefined. */
export function emulatorMissing(): string | undefined {
  if (process.platform !== "linux") return "the CPU harness of the CUDA kernels needs Linux";
  if (!["x64", "arm64"].includes(process.arch))
    return `the CPU harness cannot switch stacks on ${process.arch}`;
  return spawnSync("g++", ["--version"]).status === 0
    ? undefined
    : "no g++ for the CPU harness of the CUDA kernels";
}

interface Unit {
  readonly source: string;
  readonly flags: readonly string[];
}

const common = ["-std=c++20", "-fPIC", "-march=native", "-Wall", "-Wextra", "-I", folder, "-I", kernelFolder];

/** Kernels; with the checker their accesses are reported to its own hooks. Jumps must not be moved past collectives. */
function kernelUnits(sources: readonly string[], variant: Variant): Unit[] {
  const language = ["-x", "c++", "-fno-thread-jumps", "-Wno-unknown-pragmas"];
  const flags =
    variant === "fast" ? ["-O2"] : ["-O1", "-fno-tree-sra", "-fsanitize=thread,alignment", "-DAPT3_CHECKED"];
  return sources.map((source) => ({ source, flags: [...common, ...flags, ...language] }));
}

function harnessUnits(variant: Variant): Unit[] {
  const flags = variant === "fast" ? ["-O2"] : ["-O2", "-DAPT3_CHECKED"];
  return filesOf(folder, ".cpp").map((source) => ({ source, flags: [...common, ...flags] }));
}

/** Builds what is not up to date of the harness with the real kernels, and of their tests. */
export function buildEmulator(variant: Variant): Promise<Emulator> {
  return build(variant, kernelFolder, "kernels", "libcuda-emulator.so", "kernel-tests");
}

/** The checked harness with planted bugs in place of the real kernels: its own test. */
export function buildPlantedBugs(): Promise<Emulator> {
  return build("checked", join(folder, "planted"), "planted", "libcuda-planted.so", "planted-bugs");
}

async function build(
  variant: Variant,
  kernels: string,
  tests: string,
  libraryName: string,
  programName: string,
): Promise<Emulator> {
  const output = join(folder, "build", variant);
  mkdirSync(output, { recursive: true });
  return withLock(join(output, "lock"), async () => {
    const [library, program] = [join(output, libraryName), join(output, programName)];
    const testUnits = filesOf(join(folder, tests), ".cpp").map((source) => ({
      source,
      flags: [...common, "-O1"],
    }));
    const [libraryObjects, testObjects] = await compileAll(output, [
      [...harnessUnits(variant), ...kernelUnits(filesOf(kernels, ".cu"), variant)],
      testUnits,
    ]);
    await link(["-shared"], libraryObjects!, library);
    await link([], testObjects!, program);
    return { library, tests: program };
  });
}

function filesOf(where: string, extension: string): string[] {
  return readdirSync(where)
    .filter((name) => extname(name) === extension)
    .map((name) => join(where, name));
}

/** Compiles several groups of units with all processors and returns the objects of each group. */
async function compileAll(output: string, groups: readonly (readonly Unit[])[]): Promise<string[][]> {
  const headers = createHash("sha256");
  for (const where of [folder, kernelFolder, join(folder, "kernels")]) {
    for (const extension of [".h", ".cuh"])
      for (const file of filesOf(where, extension)) headers.update(readFileSync(file));
  }
  const headersHash = headers.digest("hex");
  const objects = groups.map((units) => units.map((unit) => objectOf(output, unit, headersHash)));
  const waiting = groups.flatMap((units, group) =>
    units.map((unit, index) => [unit, objects[group]![index]!] as const),
  );
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [{ source, flags }, object] = next;
      if (existsSync(object)) continue;
      const unfinished = `${object}.part`;
      await run("g++", [...flags, "-c", source, "-o", unfinished]);
      const stem = basename(object).replace(/-[0-9a-f]+\.o$/, "");
      for (const name of readdirSync(output)) {
        if (name.replace(/-[0-9a-f]+\.o$/, "") === stem && name.endsWith(".o")) rmSync(join(output, name));
      }
      renameSync(unfinished, object);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects;
}

function objectOf(output: string, { source, flags }: Unit, headersHash: string): string {
  const hash = createHash("sha256").update(headersHash).update(flags.join(" ")).update(readFileSync(source));
  return join(output, `${basename(source)}-${hash.digest("hex").slice(0, 16)}.o`);
}

async function link(flags: readonly string[], objects: readonly string[], target: string): Promise<void> {
  const newest = Math.max(...objects.map((object) => statSync(object).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs > newest) return;
  await run("g++", [...flags, ...objects, "-ldl", "-o", `${target}.part`]);
  renameSync(`${target}.part`, target);
}

function run(command: string, words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${words.join(" ")} ended with ${code}:\n${said.slice(0, 4000)}`));
    });
  });
}

/** One builder at a time, also among processes: test files run side by side. A lock of a killed builder grows old. */
async function withLock<T>(lock: string, body: () => Promise<T>): Promise<T> {
  const oldAfterMs = 300_000;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      const age = existsSync(lock) ? Date.now() - statSync(lock, { throwIfNoEntry: false })!.mtimeMs : 0;
      if (age > oldAfterMs) rmSync(lock, { recursive: true, force: true });
      else await sleep(100);
    }
  }
  try {
    return await body();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
