import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { it } from "node:test";

/** Every module reached from `file`, and the packages they import; type-only imports leave no trace at run time. */
async function importsOf(file: URL, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  const source = await readFile(file, "utf8");
  for (const [, specifier = ""] of source.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from "([^"]+)"/gm)) {
    if (specifier.startsWith(".")) await importsOf(new URL(specifier, file), seen);
    else seen.add(specifier);
  }
  return seen;
}

it("apt3/tokenizer imports nothing a browser lacks", async () => {
  const imports = await importsOf(new URL("../../tokenizer/index.ts", import.meta.url));
  const packages = [...imports].filter((specifier) => !specifier.startsWith("file:"));
  assert.deepEqual(packages.sort(), ["@huggingface/tokenizers", "zod"]);
  assert.ok(imports.size > 12, "the search found our modules");
});
