import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Tokenizer } from "../../tokenizer/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fixturePath } from "./fixtures.ts";

const entry = fileURLToPath(new URL("../../tokenizer/index.ts", import.meta.url));

it("apt3/tokenizer can be bundled for a browser, and the bundle gives the same ids", async (test) => {
  const folder = temporaryFolder(test);
  const outfile = join(folder, "tokenizer.mjs");
  // For a browser esbuild refuses every import of a module of Node's
  const { metafile, warnings } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: "browser",
    format: "esm",
    minify: true,
    outfile,
    metafile: true,
    logLevel: "silent",
  });
  assert.deepEqual(warnings, []);
  const [output] = Object.values(metafile.outputs);
  assert.deepEqual(output?.imports, []);

  const json = await readFile(fixturePath("llama.json"), "utf8");
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  const bundled: typeof import("../../tokenizer/index.ts") = await import(pathToFileURL(outfile).href);
  const text = "Zażółć gęślą jaźń 😀 </s>\n\nDom stoi przy drodze.";
  const [ours, theirs] = [Tokenizer.fromJson(json), bundled.Tokenizer.fromJson(json)];
  assert.deepEqual(theirs.encode(text), ours.encode(text));
  assert.equal(theirs.decode(theirs.encode(text)), ours.decode(ours.encode(text)));
  for (const name of ["process", "Buffer", "require"]) {
    assert.doesNotMatch(await readFile(outfile, "utf8"), new RegExp(`\\b${name}\\.[a-z]+\\(`), name);
  }
});

it("what a bundle does not use is left out of it", async () => {
  const { metafile } = await build({
    stdin: {
      contents: `import { Tokenizer } from ${JSON.stringify(entry)}; export const other = 1;`,
      loader: "ts",
      resolveDir: "/",
    },
    bundle: true,
    platform: "browser",
    format: "esm",
    write: false,
    metafile: true,
    outdir: "out",
    logLevel: "silent",
  });
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  assert.ok(bytes < 200, `${bytes} bytes of what is imported only`);
});
