import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { cpuUnavailable } from "../../model/backends/cpu.ts";
import { ROOT } from "../support/apt3.ts";
import { temporaryFolder } from "../support/folders.ts";

const compiled = join(ROOT, "model/native/build/cpu.node");
const noCompiler = { ...process.env, PATH: "/nowhere", CXX: "" };

describe("a prebuilt addon", {
  skip: existsSync(compiled) ? false : (cpuUnavailable() ?? "was not compiled here"),
}, () => {
  const copy = temporaryFolder();
  const isSource = (path: string) => !path.includes("/native/build/");
  for (const part of ["native", "model", "tokenizer/native"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true, filter: isSource });
  }
  cpSync(join(ROOT, "package.json"), join(copy, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const run = (script: string) =>
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
      env: noCompiler,
      encoding: "utf8",
    });
  const url = (path: string) => JSON.stringify(pathToFileURL(join(copy, path)).href);
  const install = () => execFileSync(process.execPath, [join(copy, "native/build.mjs")], { env: noCompiler });
  const unavailable = () =>
    run(
      `import { cpuUnavailable } from ${url("model/backends/cpu.ts")}; console.log(cpuUnavailable());`,
    ).trim();

  it("is taken where nothing can be compiled, as long as it was made from these sources", () => {
    install();
    assert.match(unavailable(), /no C\+\+ compiler found/);

    run(
      `import { ADDONS } from ${url("native/addons.mjs")}; import { keepPrebuilt } from ${url("native/prebuilt.mjs")};
      keepPrebuilt(ADDONS.find(({ name }) => name === "cpu"), ${JSON.stringify(compiled)});`,
    );
    install();
    assert.equal(unavailable(), "undefined");

    appendFileSync(join(copy, "model/native/plain.cpp"), "// changed\n");
    install();
    assert.match(
      readFileSync(join(copy, "model/native/build/skipped.txt"), "utf8"),
      /no C\+\+ compiler found/,
    );
  });
});
