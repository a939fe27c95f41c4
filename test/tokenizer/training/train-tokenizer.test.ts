import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { loadTokenizer } from "../../../tokenizer/load.ts";
import { type TrainTokenizerOptions, trainTokenizer } from "../../../tokenizer/training/train-tokenizer.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { readFixture } from "../fixtures.ts";

const fixture = await readFixture("trainer.json");
const polish = fixture.corpora.polish as string[];

const settings = { vocabSize: 300, limitAlphabet: 200, heldOutShare: 0, workers: 1, memoryBytes: 1e9 };

/** A corpus of three files, one of each kind of compression. */
async function writeCorpus(folder: string): Promise<string> {
  const input = join(folder, "input");
  await mkdir(input, { recursive: true });
  const lines = polish.map((text) => `${JSON.stringify({ text, meta: {} })}\n`);
  await writeFile(join(input, "a.jsonl"), lines.slice(0, 8).join(""));
  await writeFile(join(input, "b.jsonl.gz"), gzipSync(lines.slice(8, 16).join("")));
  await writeFile(join(input, "c.jsonl.zst"), zstdCompressSync(lines.slice(16).join("")));
  await writeFile(join(input, "notes.md"), "not read");
  return input;
}

/** Every file of a folder with its content. */
async function contents(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    if (!name.startsWith(".")) files[name] = await readFile(join(folder, name), "utf8");
  }
  return files;
}

const train = (options: Pick<TrainTokenizerOptions, "input" | "out"> & Partial<TrainTokenizerOptions>) =>
  trainTokenizer({ ...settings, ...options }, silentContext());

const isUserError = (pattern: RegExp) => (error: unknown) =>
  error instanceof UserError && pattern.test(error.message);

describe("trainTokenizer", () => {
  it("gives the reference's vocabulary and merges", async (test) => {
    const folder = temporaryFolder(test);
    const input = await writeCorpus(folder);
    const expected = fixture.cases.find(
      ({ corpus, options }) => corpus === "polish" && options.vocab_size === 300,
    );
    const { report, corpus } = await train({ input, out: join(folder, "out") });
    const { tokenizer } = await loadTokenizer(join(folder, "out"));
    assert.deepEqual(
      Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.token(id)),
      expected?.tokens,
    );
    const json = JSON.parse(await readFile(join(folder, "out", "tokenizer.json"), "utf8"));
    assert.deepEqual(json.model.merges, expected?.merges);
    assert.equal(corpus.documents, polish.length);
    assert.equal(report.measuredOn, "training");
    assert.equal(
      report.fit.tokens,
      polish.reduce((sum, text) => sum + tokenizer.count(text), 0),
    );
  });

  it("writes the same bytes for any number of workers and any memory", async (test) => {
    const folder = temporaryFolder(test);
    const input = await writeCorpus(folder);
    await train({ input, out: join(folder, "one"), heldOutShare: 0.2 });
    const one = await contents(join(folder, "one"));
    assert.deepEqual(Object.keys(one), [
      "manifest.json",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    for (const [name, options] of Object.entries({
      three: { workers: 3 },
      spilling: { memoryBytes: 900_000 },
    })) {
      await train({ input, out: join(folder, name), heldOutShare: 0.2, ...options });
      assert.deepEqual(await contents(join(folder, name)), one, name);
    }
  });

  it("holds documents out of training and measures on them", async (test) => {
    const folder = temporaryFolder(test);
    const input = await writeCorpus(folder);
    const { corpus, report } = await train({ input, out: join(folder, "out"), heldOutShare: 0.3 });
    assert.ok(corpus.heldOutDocuments > 0);
    assert.equal(corpus.documents + corpus.heldOutDocuments, polish.length);
    assert.equal(report.measuredOn, "held-out");
    assert.equal(report.fit.documents, corpus.heldOutDocuments);
  });

  it("reuses a finished folder, refuses one of another configuration", async (test) => {
    const folder = temporaryFolder(test);
    const input = await writeCorpus(folder);
    const out = join(folder, "out");
    assert.equal((await train({ input, out })).reused, false);
    assert.equal((await train({ input, out, workers: 2 })).reused, true);
    await assert.rejects(train({ input, out, vocabSize: 301 }), isUserError(/made by another configuration/));
    await writeFile(join(input, "d.jsonl"), '{"text":"więcej"}\n');
    await assert.rejects(train({ input, out }), isUserError(/made by another configuration/));
  });

  it("says in one line what is wrong with the input", async (test) => {
    const folder = temporaryFolder(test);
    const input = async (name: string, content: string | Uint8Array) => {
      await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, name, "x.jsonl.zst"), content);
      return { input: join(folder, name), out: join(folder, `${name}-out`) };
    };
    const good = zstdCompressSync('{"text":"ala ma kota"}\n');
    await assert.rejects(
      train({ input: join(folder, "none"), out: join(folder, "o") }),
      isUserError(/none: no such/),
    );
    await mkdir(join(folder, "empty"));
    await assert.rejects(
      train({ input: join(folder, "empty"), out: join(folder, "o") }),
      isUserError(/holds no \.jsonl/),
    );
    await assert.rejects(
      train(await input("nothing", zstdCompressSync(""))),
      isUserError(/no text to train on: 0 documents$/),
    );
    await assert.rejects(
      train(await input("rubbish", zstdCompressSync("rubbish\n[]\n"))),
      isUserError(/0 documents, 2 lines that held no text/),
    );
    await assert.rejects(
      train(await input("cut", good.subarray(0, good.length - 3))),
      isUserError(/x\.jsonl\.zst: .*cut off/),
    );
    await assert.rejects(
      train({ ...(await input("small", good)), vocabSize: 10 }),
      isUserError(/--vocab-size 10: too small for 8 special tokens and an alphabet of 7/),
    );
  });

  it("a .txt file is one document, its line feeds kept", async (test) => {
    const folder = temporaryFolder(test);
    const lines = Array.from({ length: 2000 }, (_, i) => `wiersz ${i % 100} tekstu${i % 3 ? "" : "\n"}`).join(
      "\n",
    );
    await writeFile(join(folder, "a.txt"), `${lines}\n\n`);
    await writeFile(join(folder, "b.jsonl"), `${JSON.stringify({ text: `${lines}\n\n` })}\n`);
    const [text, record] = await Promise.all(
      ["a.txt", "b.jsonl"].map((name) =>
        train({ input: join(folder, name), out: join(folder, `${name}-out`) }),
      ),
    );
    assert.deepEqual(text?.files["tokenizer.json"], record?.files["tokenizer.json"]);
    assert.equal(text?.corpus.differentWords, record?.corpus.differentWords);
  });

  it("killed at any moment and run again gives the bytes of an undisturbed run", async (test) => {
    const folder = temporaryFolder(test);
    const input = await writeCorpus(folder);
    const many = Array.from({ length: 400 }, (_, i) =>
      polish.map((text) => JSON.stringify({ text: `${i} ${text}` })),
    ).flat();
    await writeFile(join(input, "d.jsonl"), many.join("\n"));
    const command = (out: string) => [
      new URL("../../../bin/apt3.ts", import.meta.url).pathname,
      ..."train-tokenizer --vocab-size 900 --workers 2 --input".split(" "),
      input,
      "--out",
      out,
    ];
    const run = (out: string) => spawn(process.execPath, command(out), { stdio: "ignore" });
    const undisturbed = run(join(folder, "a"));
    const started = performance.now();
    assert.deepEqual(await once(undisturbed, "exit"), [0, null]);
    const duration = performance.now() - started;

    const out = join(folder, "b");
    let killed = 0;
    for (const share of [0.3, 0.5, 0.6, 0.7, 0.8]) {
      const child = run(out);
      const exit = once(child, "exit");
      await Promise.race([exit, sleep(duration * share)]);
      if (child.kill("SIGKILL")) killed += 1;
      await exit;
    }
    assert.ok(killed > 0);
    assert.deepEqual(await once(run(out), "exit"), [0, null]);
    assert.deepEqual(await contents(out), await contents(join(folder, "a")));
  });
});
