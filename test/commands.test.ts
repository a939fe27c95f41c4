import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { COMMANDS } from "../bin/commands.ts";
import { assertUserError, commandHost, runApt3 } from "./support/apt3.ts";
import { polishText, writeDatasetsYaml, writeJsonl } from "./support/corpus.ts";
import { temporaryFolder } from "./support/folders.ts";
import { tinyConfig } from "./support/tiny-config.ts";

/** The command contract, as scripts rely on it: help, exit codes, JSON lines, one-line messages. */
const root = temporaryFolder();
const run = (...words: string[]) => runApt3(words, { cwd: root });
const runHosted = commandHost(root);

const REQUIRED: Readonly<Record<string, string[]>> = {
  evaluate: ["--model", "m", "--text", "t"],
  export: ["--run", "r", "--out", "o"],
  generate: ["--model", "m", "--prompt", "p"],
  tokenize: ["--tokenizer", "t"],
};

before(async () => {
  writeJsonl(
    join(root, "source.jsonl"),
    Array.from({ length: 120 }, (_, i) => ({ text: polishText(i) })),
  );
  writeDatasetsYaml(join(root, "datasets.yaml"), [{ name: "source", path: "source.jsonl" }]);
  writeFileSync(join(root, "tiny.yaml"), tinyConfig({ steps: 2, every: 2 }));
});

describe("the whole way with --json", () => {
  const steps: Record<string, string[]> = {
    ingest: ["--config", "datasets.yaml", "--out", "clean"],
    "train-tokenizer": ["--input", "clean", "--out", "tokenizer", "--vocab-size", "400"],
    pack: ["--input", "clean", "--tokenizer", "tokenizer", "--out", "packed", "--seq-len", "32"],
    pretrain: ["--config", "tiny.yaml", "--data", "packed", "--out", "run", "--backend", "reference"],
    export: ["--run", "run", "--out", "model", "--tokenizer", "tokenizer"],
    generate: ["--model", "model", "--prompt", "Stary most", "--max-new-tokens", "3", "--seed", "1"],
  };
  for (const [name, words] of Object.entries(steps)) {
    test(name, async () => {
      const { code, stdout, stderr } = await run(name, ...words, "--json");
      assert.equal(code, 0, stderr);
      const events = stdout
        .trimEnd()
        .split("\n")
        .map((line): { event: string } => JSON.parse(line));
      assert.equal(events.at(-1)?.event, "done");
      assert.equal(events.filter(({ event }) => event === "done").length, 1);
    });
  }
});

describe("every command", () => {
  for (const name of Object.keys(COMMANDS)) {
    test(`${name} shows help with two examples, and names a flag it does not know`, async () => {
      const help = await runHosted(name, "--help");
      assert.equal(help.code, 0, help.stderr);
      const examples = help.stdout.split("Examples:")[1]?.trim().split("\n") ?? [];
      const own = examples.filter((line) => new RegExp(`(apt3|npm run) ${name}\\b`).test(line));
      assert.ok(own.length >= 2, help.stdout);
      assert.match(help.stdout, /--json/);
      assertUserError(await runHosted(name, ...(REQUIRED[name] ?? []), "--no-such-flag"), /--no-such-flag/);
    });
  }

  test("all are listed with what they do", async () => {
    const { code, stdout } = await run("--help");
    assert.equal(code, 0);
    for (const [name, { summary }] of Object.entries(COMMANDS)) {
      const line = stdout.split("\n").find((line) => line.startsWith(`  ${name} `));
      assert.equal(line?.slice(2 + name.length).trim(), await summary());
    }
  });

  test("a command that does not exist is named with those that do", async () => {
    const { code, stderr } = await run("trian");
    assert.equal(code, 2);
    assert.match(stderr, /there is no command "trian"; one of demo, ingest, /);
  });
});

test("bad input to the later stages gets one clear line", async () => {
  mkdirSync(join(root, "nothing"));
  writeFileSync(join(root, "empty.jsonl"), "");
  cpSync(join(root, "clean"), join(root, "cut"), { recursive: true });
  truncateSync(join(root, "cut/source-00000.jsonl.zst"), 500);
  cpSync(join(root, "clean"), join(root, "unfinished"), { recursive: true });
  const manifest = readFileSync(join(root, "clean/manifest.json"), "utf8");
  writeFileSync(
    join(root, "unfinished/manifest.json"),
    manifest.replace('"complete": true', '"complete": false'),
  );
  cpSync(join(root, "packed"), join(root, "grown"), { recursive: true });
  appendFileSync(join(root, "grown/train-00000.arrow"), "x");
  await runHosted("train-tokenizer", "--input", "clean", "--out", "other", "--vocab-size", "300");
  await runHosted(
    "pack",
    "--input",
    "clean",
    "--tokenizer",
    "tokenizer",
    "--out",
    "packed-64",
    "--seq-len",
    "64",
  );
  writeFileSync(join(root, "typo.yaml"), `${readFileSync(join(root, "tiny.yaml"), "utf8")}colour: red\n`);

  const cases: [words: string[], message: RegExp][] = [
    [["train-tokenizer", "--input", "missing", "--out", "t1"], /missing: no such file or folder/],
    [["train-tokenizer", "--input", "nothing", "--out", "t2"], /nothing: holds no \.jsonl/],
    [["train-tokenizer", "--input", "empty.jsonl", "--out", "t3"], /empty\.jsonl/],
    [
      ["train-tokenizer", "--input", "cut", "--out", "t4"],
      /source-00000\.jsonl\.zst: 500 bytes, its manifest states/,
    ],
    [["train-tokenizer", "--input", "unfinished", "--out", "t5"], /unfinished: ingest has not finished/],
    [["train-tokenizer", "--input", "clean", "--out", "t6", "--vocab-size", "20"], /vocab-size/],
    [
      ["train-tokenizer", "--input", "clean", "--out", "tokenizer"],
      /tokenizer: made by another configuration/,
    ],
    [
      ["pack", "--input", "clean", "--tokenizer", "nothing", "--out", "p1"],
      /nothing\/tokenizer\.json: no such file/,
    ],
    [
      ["pack", "--input", "empty.jsonl", "--tokenizer", "tokenizer", "--out", "p2"],
      /0 documents give 0 tokens/,
    ],
    [
      ["pack", "--input", "clean", "--tokenizer", "other", "--out", "packed"],
      /packed: made by another configuration/,
    ],
    [
      ["pack", "--input", "clean", "--tokenizer", "tokenizer", "--out", "p3", "--seq-len", "1"],
      /--seq-len: expected at/,
    ],
    [["pretrain", "--data", "nothing", "--config", "tiny.yaml", "--out", "r1"], /nothing/],
    [["pretrain", "--data", "packed", "--config", "missing.yaml", "--out", "r2"], /missing\.yaml/],
    [["pretrain", "--data", "packed", "--config", "typo.yaml", "--out", "r3"], /typo\.yaml: .*colour/],
    [["pretrain", "--data", "packed", "--config", "apt3-1b", "--out", "r4"], /vocabulary of 400.*31980/],
    [["pretrain", "--data", "grown", "--config", "tiny.yaml", "--out", "r5"], /grown\/train-00000\.arrow/],
    [["pretrain", "--data", "packed-64", "--config", "tiny.yaml", "--out", "run"], /run: .*(data|config)/],
    [["export", "--run", "nothing", "--out", "e1", "--tokenizer", "tokenizer"], /nothing/],
    [["export", "--run", "run", "--out", "e2", "--tokenizer", "other"], /other: is not the tokenizer/],
    [
      ["ingest", "--config", "datasets.yaml", "--out", "source.jsonl"],
      /source\.jsonl: this is a file, a folder/,
    ],
    [
      ["train-tokenizer", "--input", "clean", "--out", "source.jsonl"],
      /source\.jsonl: this is a file, a folder/,
    ],
    [
      ["pack", "--input", "clean", "--tokenizer", "tokenizer", "--out", "source.jsonl"],
      /source\.jsonl: this is a file, a folder/,
    ],
    [
      ["pretrain", "--data", "packed", "--config", "tiny.yaml", "--out", "source.jsonl"],
      /source\.jsonl.*a file, (not a folder|a folder was expected)/,
    ],
    [
      ["export", "--run", "run", "--tokenizer", "tokenizer", "--out", "source.jsonl"],
      /source\.jsonl.*a file, (not a folder|a folder was expected)/,
    ],
    [["generate", "--model", "nothing", "--prompt", "Ala"], /nothing/],
    [["tokenize", "--tokenizer", "nothing"], /nothing/],
  ];
  for (const [words, message] of cases) assertUserError(await runHosted(...words), message);
});
