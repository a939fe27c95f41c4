/**
 * Compiles the native addons (the `cpu` and `cuda` backends, the tokenizer's encoder, the text reader of ingest, the
 * settings of the memory allocator; see addons.mjs) with the machine's own C++ compiler: `npm ci` runs this. It never
 * fails, because apt3 runs without them, only slower (the `reference` backend hundreds of times, the encoder in
 * TypeScript two to three times, cleaning by a third) and with more memory: the reason is left in an addon's
 * build/skipped.txt, which `--backend cpu` quotes. Plain JavaScript without dependencies, for any Node that npm may run
 * under. The compiler is called directly: node-gyp would need Python and download Node's headers, which the package
 * `node-api-headers` brings along, and there is nothing in a few dozen files of standard C++ that it would do better.
 * Where prebuilds/ holds a binary of these sources for this platform, that one is taken and nothing is compiled.
 *
 * `node native/build.mjs --sanitize` builds with the address and undefined-behaviour sanitizers instead, into
 * build/sanitize, and does fail (see `npm run check:sanitize`). `--keep` compiles, and keeps the result in prebuilds/
 * (`npm run prebuilds`). Names of addons build these only.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, relative } from "node:path";
import { ADDONS, SHARED, sourcesOf } from "./addons.mjs";
import { findPrebuilt, keepPrebuilt } from "./prebuilt.mjs";

const sanitize = process.argv.includes("--sanitize");
const keeps = process.argv.includes("--keep");

/** Where an addon is built. */
const buildFolder = ({ folder }) => join(folder, "build", ...(sanitize ? ["sanitize"] : []));

/** Says what a compiled addon was made of, so that load.ts tells one that is older than its sources. */
const sourceList = (addon) => join(buildFolder(addon), `${addon.name}.sources.json`);

/** SHA-256 of files, by their paths from a folder. */
function hashesOf(paths, folder) {
  const hash = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(paths.map((path) => [relative(folder, path), hash(path)]));
}

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
    throw new Error("no C++ compiler found; install g++ or clang++, then run: node native/build.mjs");
  const { default: nodeApi } = await import("node-api-headers");
  const build = buildFolder(addon);
  mkdirSync(build, { recursive: true });
  const sources = sourcesOf(addon).filter((path) => path.endsWith(".cpp"));
  const object = (source) => join(build, basename(source).replace(".cpp", ".o"));
  const waiting = [...sources];
  const include = ["-I", nodeApi.include_dir, "-I", SHARED];
  const worker = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      await run(compiler, [...flags, ...include, "-c", source, "-o", object(source)]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
  const unfinished = join(build, `${addon.name}.node.part`);
  await run(compiler, [...flags, ...shared, ...sources.map(object), "-o", unfinished]);
  rmSync(sourceList(addon), { force: true });
  renameSync(unfinished, join(build, `${addon.name}.node`));
  writeFileSync(sourceList(addon), `${JSON.stringify(hashesOf(sourcesOf(addon), build), null, 2)}\n`);
  rmSync(join(build, "skipped.txt"), { force: true });
  for (const source of sources) rmSync(object(source));
}

/** Leaves the work to the prebuilt addon; false if there is none. */
function takePrebuilt(addon) {
  if (findPrebuilt(addon) === undefined) return false;
  // What was compiled before would be loaded first.
  for (const name of [`${addon.name}.node`, `${addon.name}.sources.json`, "skipped.txt"])
    rmSync(join(buildFolder(addon), name), { force: true });
  return true;
}

const names = process.argv.slice(2).filter((word) => !word.startsWith("--"));
for (const addon of ADDONS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const compiled = join(buildFolder(addon), `${addon.name}.node`);
  try {
    if (sanitize || keeps || !takePrebuilt(addon)) await compile(addon);
    if (keeps) console.log(`kept as ${keepPrebuilt(addon, compiled)}`);
  } catch (error) {
    if (sanitize || keeps) throw error;
    mkdirSync(buildFolder(addon), { recursive: true });
    rmSync(compiled, { force: true });
    writeFileSync(join(buildFolder(addon), "skipped.txt"), `${error.message.split("\n")[0]}\n`);
  }
}
