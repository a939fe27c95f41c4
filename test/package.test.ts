import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { nativeEncoderUnavailable } from "../tokenizer/native/native-encoder.ts";
import { ROOT } from "./support/apt3.ts";
import { temporaryFolder } from "./support/folders.ts";

/**
 * The package as a stranger gets it: built, packed, unpacked into another project's node_modules beside its
 * production dependencies and nothing else. Node runs no TypeScript there, so all of it has to be in dist/.
 */
const project = temporaryFolder();
const modules = join(project, "node_modules");
const node = (...words: string[]) => spawnSync(process.execPath, words, { cwd: project, encoding: "utf8" });
const apt3 = (...words: string[]) => node(join(modules, "apt3/dist/bin/apt3.js"), ...words);

before(() => {
  const build = join(project, "build");
  mkdirSync(build);
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const options = ["--outDir", join(build, "dist"), "--noCheck"]; // `npm run check` checks the types
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "tsconfig.build.json"), ...options]);
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  const installed = join(modules, "apt3");
  mkdirSync(installed, { recursive: true });
  cpSync(join(build, "dist"), join(installed, "dist"), { recursive: true });
  const listed: { files: { path: string }[] }[] | Record<string, { files: { path: string }[] }> = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: ROOT, encoding: "utf8" }),
  );
  const files = Object.values(listed).flatMap((entry) => entry.files); // npm 12 keys them by name
  for (const { path } of files) {
    if (path.startsWith("dist/")) continue; // whatever an earlier build left; ours was copied above
    mkdirSync(dirname(join(installed, path)), { recursive: true });
    cpSync(join(ROOT, path), join(installed, path));
  }
  linkDependencies(Object.keys(manifest.dependencies));
});

/** Links the dependencies, and theirs, as npm would have laid them out. */
function linkDependencies(names: readonly string[], seen = new Set<string>()): void {
  for (const name of names) {
    const from = join(ROOT, "node_modules", name);
    if (seen.has(name)) continue;
    seen.add(name);
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(from, join(modules, name));
    const { dependencies = {} }: { dependencies?: Record<string, string> } = JSON.parse(
      readFileSync(join(from, "package.json"), "utf8"),
    );
    linkDependencies(
      Object.keys(dependencies).filter((dependency) => !dependency.startsWith("@types/")),
      seen,
    );
  }
}

test("the bin goes from the bundled texts to packed rows, workers included", () => {
  for (const words of [
    ["ingest", "--config", join(modules, "apt3/datasets.yaml"), "--only", "sample", "--out", "clean"],
    ["train-tokenizer", "--input", "clean", "--out", "tokenizer", "--vocab-size", "500"],
    ["pack", "--input", "clean", "--tokenizer", "tokenizer", "--out", "packed", "--seq-len", "64"],
    [
      "pretrain",
      "--config",
      "demo",
      "--data",
      "packed",
      "--out",
      "run",
      "--steps",
      "2",
      "--backend",
      "reference",
    ],
  ]) {
    const { status, stderr } = apt3(...words);
    assert.equal(status, 0, stderr);
  }
});

test("TensorFlow.js is used where it is installed, and named where it is not", () => {
  const words = ["pretrain", "--config", "demo", "--data", "packed", "--out", "optional", "--steps", "1"];
  const missing = apt3(...words, "--backend", "tensorflow");
  assert.equal(missing.status, 2, missing.stderr);
  assert.match(missing.stderr, /TensorFlow\.js is not installed; npm install @tensorflow\/tfjs-node-gpu/);

  linkDependencies(["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"]);
  const { status, stderr } = apt3(...words, "--backend", "tensorflow");
  assert.equal(status, 0, stderr);
});

test("the tokenizer can be imported, with its types", () => {
  writeFileSync(
    join(project, "use.mjs"),
    `import { readFileSync } from "node:fs";
import { Tokenizer } from "apt3/tokenizer";
const tokenizer = Tokenizer.fromJson(readFileSync("tokenizer/tokenizer.json", "utf8"));
console.log(tokenizer.engine, tokenizer.decode(tokenizer.encode("Zażółć gęślą jaźń.")));`,
  );
  const { stdout, stderr } = node("use.mjs");
  assert.equal(stdout, "apt3 Zażółć gęślą jaźń.\n", stderr);
  const built = node(join(modules, "apt3/native/build.mjs"), "encoder");
  assert.equal(built.status, 0, built.stderr);
  const compiled = nativeEncoderUnavailable() === undefined; // here: then there is a compiler for the package too
  assert.equal(node("use.mjs").stdout, `${compiled ? "apt3-native" : "apt3"} Zażółć gęślą jaźń.\n`);

  writeFileSync(join(project, "package.json"), '{"type":"module"}');
  writeFileSync(
    join(project, "use.ts"),
    `import { Tokenizer } from "apt3/tokenizer";
export const ids: Uint16Array | Uint32Array = Tokenizer.fromJson("{}", { native: false }).encode("a", { addBos: true });
// @ts-expect-error a number is no text
Tokenizer.fromJson("{}").encode(7);`,
  );
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "esnext", "--lib", "esnext,dom"];
  const types = node(tsc, ...flags, "use.ts");
  assert.equal(types.status, 0, types.stdout);
});
