/**
 * Compiles the `cpu` backend, and the host side of the `cuda` backend, with the machine's own C++ compiler: `npm ci` runs
 * this. It never fails, because apt3 runs without (on the `reference` backend, which is hundreds of times slower): the
 * reason is left in build/skipped.txt, which `--backend cpu` quotes. Plain JavaScript without dependencies, for any Node that npm may run under. The compiler is
 * called directly: node-gyp would need Python and download Node's headers, which the package `node-api-headers` brings
 * along, and there is nothing in a dozen files of standard C++ that it would do better.
 * Where prebuilds/ holds a binary of these sources for this platform, that one is taken and nothing is compiled.
 *
 * `node model/native/build.mjs --sanitize` builds with the address and undefined-behaviour sanitizers instead, into
 * build/sanitize, and does fail (see `npm run check:sanitize`). `--keep` compiles, and keeps the result in prebuilds/
 * (`npm run prebuilds`).
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPrebuilt, keepPrebuilt } from "./prebuilt.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const sanitize = process.argv.includes("--sanitize");
const build = join(folder, "build", ...(sanitize ? ["sanitize"] : []));

const flags = [
  "-std=c++20",
  ...(sanitize ? ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"] : ["-O2"]),
  "-fno-math-errno",
  "-ffp-contract=fast",
  "-fPIC",
  "-fvisibility=hidden",
  "-pthread",
  "-Wall",
  "-Wextra",
  "-Wno-psabi",
  "-Wno-unknown-pragmas",
];

/** Runs a command; what it says is shown only when it fails. */
function run(command, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`${command} ended with ${code}: ${said.trim().split("\n").slice(0, 3).join(" | ")}`),
        );
    });
  });
}

/** The first compiler that answers. */
function findCompiler() {
  const candidates = [process.env.CXX, "c++", "g++", "clang++"].filter(Boolean);
  return candidates.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

async function compile() {
  if (process.platform === "win32") throw new Error("Windows is not supported yet; use WSL");
  const compiler = findCompiler();
  if (compiler === undefined)
    throw new Error("no C++ compiler found; install g++ or clang++, then run: node model/native/build.mjs");
  const { default: nodeApi } = await import("node-api-headers");
  mkdirSync(build, { recursive: true });
  // The host side of the cuda backend takes no CUDA toolkit: it opens the driver at run time.
  const sources = [".", "cuda/host"].flatMap((part) =>
    readdirSync(join(folder, part))
      .filter((name) => name.endsWith(".cpp"))
      .map((name) => join(part, name)),
  );
  const object = (name) => join(build, basename(name).replace(".cpp", ".o"));
  const waiting = [...sources];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await run(compiler, [
        ...flags,
        "-I",
        nodeApi.include_dir,
        "-c",
        join(folder, name),
        "-o",
        object(name),
      ]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
  const unfinished = join(build, "cpu.node.part");
  await run(compiler, [...flags, ...shared, ...sources.map(object), "-o", unfinished]);
  renameSync(unfinished, join(build, "cpu.node"));
  rmSync(join(build, "skipped.txt"), { force: true });
  for (const name of sources) rmSync(object(name));
}

/** Leaves the work to the prebuilt addon; false if there is none. */
function takePrebuilt() {
  if (findPrebuilt() === undefined) return false;
  // What was compiled before would be loaded first.
  for (const name of ["cpu.node", "skipped.txt"]) rmSync(join(build, name), { force: true });
  return true;
}

const keeps = process.argv.includes("--keep");
try {
  if (sanitize || keeps || !takePrebuilt()) await compile();
  if (keeps) console.log(`kept as ${keepPrebuilt(join(build, "cpu.node"))}`);
} catch (error) {
  if (sanitize || keeps) throw error;
  mkdirSync(build, { recursive: true });
  rmSync(join(build, "cpu.node"), { force: true });
  writeFileSync(join(build, "skipped.txt"), `${error.message.split("\n")[0]}\n`);
}
