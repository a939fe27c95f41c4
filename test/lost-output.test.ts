import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT, startApt3 } from "./support/apt3.ts";
import { polishText, writeJsonl } from "./support/corpus.ts";
import { temporaryFolder } from "./support/folders.ts";

/** What becomes of a command whose results nobody takes. */
const root = temporaryFolder();
mkdirSync(join(root, "tokenizer"));
copyFileSync(
  fileURLToPath(new URL("fixtures/tokenizer/llama.json", import.meta.url)),
  join(root, "tokenizer/tokenizer.json"),
);
const documents = Array.from({ length: 3000 }, (_, i) => ({ text: polishText(i) }));
writeJsonl(join(root, "texts.jsonl"), documents);

test("a command whose reader goes away, as in `… | head -1`, stops as by a signal", async () => {
  const words = [
    "tokenize",
    "--tokenizer",
    "tokenizer",
    "--jsonl",
    "text",
    "--input",
    "texts.jsonl",
    "--ids",
  ];
  const child = startApt3(words, root);
  const said = text(child.stderr!);
  await once(child.stdout!, "data");
  child.stdout?.destroy();
  const [code] = await once(child, "close");
  assert.equal(code, 130, await said);
  assert.match(await said, /apt3 tokenize: stopped by SIGPIPE; run the same command again to continue\n$/);
  assert.doesNotMatch(await said, /^\s+at /m);
});

test("a standard output that cannot be written is said in a line", {
  skip: existsSync("/dev/full") ? false : "there is no /dev/full",
}, async () => {
  const words = [join(ROOT, "bin/apt3.ts"), "explain", "texts.jsonl:1"];
  const child = spawn(process.execPath, words, {
    cwd: root,
    stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
  });
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
  assert.equal(code, 2, said);
  assert.match(said, /^apt3 explain: standard output: disk full: .*\n$/);
});
