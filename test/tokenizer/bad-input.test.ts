import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { Tokenizer } from "../../tokenizer/index.ts";
import { loadTokenizer } from "../../tokenizer/load.ts";
import { trainTokenizer } from "../../tokenizer/training/train-tokenizer.ts";
import { finish, startApt3 } from "../support/apt3.ts";
import { temporaryFolder } from "../support/folders.ts";

const settings = { vocabSize: 60, limitAlphabet: 40, heldOutShare: 0, workers: 1, memoryBytes: 1e9 };

describe("bad input to training", () => {
  it("lines that are not UTF-8 are counted, the others trained on", async (test) => {
    const folder = temporaryFolder(test);
    const lines = [
      Buffer.from('{"text":"ala ma kota"}\n{"text":"'),
      Buffer.of(0xff, 0xc5),
      Buffer.from('"}\n'),
    ];
    await writeFile(join(folder, "a.jsonl"), Buffer.concat(lines));
    const out = join(folder, "out");
    const { corpus } = await trainTokenizer(
      { ...settings, input: join(folder, "a.jsonl"), out },
      silentContext(),
    );
    assert.deepEqual([corpus.documents, corpus.rejectedLines], [1, 1]);
  });

  it("a .txt file that is not all UTF-8 is counted, and trained on with U+FFFD", async (test) => {
    const folder = temporaryFolder(test);
    await writeFile(join(folder, "a.txt"), "ala ma kota");
    await writeFile(join(folder, "b.txt"), Buffer.from([0x61, 0xff, 0x61]));
    const { corpus, files } = await trainTokenizer(
      { ...settings, input: folder, out: join(folder, "out") },
      silentContext(),
    );
    assert.deepEqual([corpus.documents, corpus.damagedFiles], [2, 1]);
    assert.ok("tokenizer.json" in files);
    assert.notEqual((await loadTokenizer(join(folder, "out"))).tokenizer.id("\ufffd"), undefined);
  });

  it("a mix without weights, and byte fallback of bytes, are refused in one line", async (test) => {
    const folder = temporaryFolder(test);
    await writeFile(join(folder, "a.jsonl"), '{"text":"ala ma kota"}\n');
    const input = join(folder, "a.jsonl");
    const out = join(folder, "out");
    await assert.rejects(
      trainTokenizer({ ...settings, input, out, mix: true }, silentContext()),
      (error) => error instanceof UserError && /--mix: .*no weight for its group all/.test(error.message),
    );
    await assert.rejects(
      trainTokenizer(
        { ...settings, input, out, preTokenizer: "byte-level", byteFallback: true },
        silentContext(),
      ),
      (error) => error instanceof UserError && /--byte-fallback/.test(error.message),
    );
  });

  it("an interrupted training ends soon with 130, and leaves nothing that counts as done", async (test) => {
    const folder = temporaryFolder(test);
    const line = `${JSON.stringify({ text: "słowo za słowem, a każde inne niż to przed nim ".repeat(400) })}\n`;
    await writeFile(join(folder, "a.jsonl"), line.repeat(4000));
    const out = join(folder, "out");
    const child = startApt3(["train-tokenizer", "--input", join(folder, "a.jsonl"), "--out", out]);
    const ended = finish(child);
    while (!(await readdir(out).catch((): string[] => [])).includes("work"))
      await new Promise((done) => setTimeout(done, 20));
    const exit = once(child, "exit");
    const started = performance.now();
    child.kill("SIGINT");
    await exit;
    assert.ok(performance.now() - started < 5000, "it took too long");
    const { code } = await ended;
    assert.equal(code, 130);
    const left = await readdir(out);
    assert.ok(!left.includes("tokenizer.json"), left.join());
  });
});

describe("special designs of training", () => {
  it("byte fallback and byte-level lose nothing, digits stand alone, further special tokens follow the usual", async (test) => {
    const folder = temporaryFolder(test);
    const input = join(folder, "a.jsonl");
    await writeFile(input, '{"text":"Ala ma 12 kotów i 345 psów. Ala ma kota."}\n'.repeat(20));
    for (const [name, options] of Object.entries({
      fallback: { byteFallback: true, vocabSize: 330 },
      bytes: { preTokenizer: "byte-level", vocabSize: 320 },
    } as const)) {
      const out = join(folder, name);
      const { report } = await trainTokenizer(
        { ...settings, input, out, digits: "isolated", specialTokens: ["<mask>"], compare: [], ...options },
        silentContext(),
      );
      assert.ok(!report.longestTokens.includes("<0x00>"), "bytes are given, not found");
      const { tokenizer } = await loadTokenizer(out);
      assert.match(tokenizer.engine, /^apt3(-native)?$/);
      assert.equal(tokenizer.id("<mask>"), 8);
      for (const text of ["Ala ma 345 kotów", "zażółć 😀\n\n  \t\0 日本", " a", "  ", ""]) {
        assert.equal(tokenizer.decode(tokenizer.encode(text)), text, name);
      }
      const digits = Array.from(tokenizer.encode("345"), (id) => tokenizer.token(id));
      assert.deepEqual(digits, ["3", "4", "5"]);
    }
  });
});

it("a vocabulary over 65,536 gives ids of 32 bits, never cut ones", () => {
  const vocab: Record<string, number> = { "▁": 0, a: 1, "▁a": 70_000 };
  const tokenizer = Tokenizer.fromJson({
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "BPE", vocab, merges: [["▁", "a"]] },
  });
  assert.equal(tokenizer.engine, "apt3");
  assert.deepEqual(tokenizer.encode("a a aa"), Uint32Array.of(70_000, 70_000, 70_000, 1));
});

it("a token that is part of itself ends in an error or an answer, not in a loop", () => {
  const vocab = { "": 0, a: 1, "▁": 2 };
  const load = () =>
    Tokenizer.fromJson({
      pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: true },
      decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: true },
      model: { type: "BPE", vocab, merges: [["", "a"]] },
    });
  assert.deepEqual([...load().encodeWithOffsets("aa").ids], [1, 1]);
});
