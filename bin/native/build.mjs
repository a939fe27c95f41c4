/**
 * Compiles the native addons (the `cpu` backend with the host side of the `cuda` backend, and the tokenizer's fast
 * encoder) with the machine's own C++ compiler: `npm ci` runs this. It never fails, because apt3 runs without them, in
 * plain TypeScript, more slowly: the reason is left in build/skipped.txt, which `--backend cpu` quotes. Plain JavaScript
 * without dependencies, for any Node that npm may run under. The compiler is called directly: node-gyp would need Python
 * and download Node's headers, which the package `node-api-headers` brings along, and there is nothing in two dozen files of
 * standard C++ that it would do better.
 * Where prebuilds/ holds a binary of these sources for this platform, that one is taken and nothing is compiled.
 *
 * `node bin/native/build.mjs --sanitize` builds with the address and undefined-behaviour sanitizers instead, into
 * build/sanitize, and does fail (see `npm run check:sanitize`). `--keep` compiles, and keeps the results in prebuilds/
 * (`npm run prebuilds`).
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addons } from "./addons.mjs";
import { hasPrebuilt, keepPrebuilt } from "./prebuilt.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const sanitize = process.argv.includes("--sanitize");
const keeps = process.argv.includes("--keep");
const buildFolder = ({ folder }) => join(root, folder, "build", ...(sanitize ? ["sanitize"] : []));

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

async function compile(addon) {
  if (process.platform === "win32") throw new Error("Windows is not supported yet; use WSL");
  const compiler = findCompiler();
  if (compiler === undefined)
    throw new Error("no C++ compiler found; install g++ or clang++, then run: node bin/native/build.mjs");
  const { default: nodeApi } = await import("node-api-headers");
  const build = buildFolder(addon);
  mkdirSync(build, { recursive: true });
  const sources = addon.parts.flatMap((part) => {
    const folder = join(root, addon.folder, part);
    return readdirSync(folder)
      .filter((name) => name.endsWith(".cpp"))
      .map((name) => join(folder, name));
  });
  const object = (name) => join(build, basename(name).replace(".cpp", ".o"));
  const waiting = [...sources];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await run(compiler, [...flags, "-I", nodeApi.include_dir, "-c", name, "-o", object(name)]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
  const compiled = join(build, `${addon.name}.node`);
  await run(compiler, [...flags, ...shared, ...sources.map(object), "-o", `${compiled}.part`]);
  renameSync(`${compiled}.part`, compiled);
  rmSync(join(build, "skipped.txt"), { force: true });
  for (const name of sources) rmSync(object(name));
  if (keeps) console.log(`kept as ${keepPrebuilt(addon, compiled)}`);
}

/** Leaves the work to the prebuilt addon. */
function forgetCompiled(addon) {
  // What was compiled before would be loaded first.
  for (const name of [`${addon.name}.node`, "skipped.txt"])
    rmSync(join(buildFolder(addon), name), { force: true });
}

for (const addon of addons) {
  try {
    if (sanitize || keeps || !hasPrebuilt(addon)) await compile(addon);
    else forgetCompiled(addon);
  } catch (error) {
    if (sanitize || keeps) throw error;
    forgetCompiled(addon);
    mkdirSync(buildFolder(addon), { recursive: true });
    writeFileSync(join(buildFolder(addon), "skipped.txt"), `${error.message.split("\n")[0]}\n`);
  }
}
