import assert from "node:assert/strict";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { loadTokenizer } from "../../tokenizer/load.ts";
import { finish, runApt3, startApt3 } from "../support/apt3.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fixturePath } from "./fixtures.ts";

async function tokenizerFolder(test: TestContext) {
  const folder = temporaryFolder(test);
  await mkdir(join(folder, "tokenizer"));
  await cp(fixturePath("llama.json"), join(folder, "tokenizer", "tokenizer.json"));
  return { folder, path: join(folder, "tokenizer"), ...(await loadTokenizer(join(folder, "tokenizer"))) };
}

describe("tokenize", () => {
  it("--ids, and --decode back", async (test) => {
    const { path, tokenizer } = await tokenizerFolder(test);
    const text = "Dom stoi przy drodze.\nKot i pies.";
    const ids = await runApt3(["tokenize", "--tokenizer", path, "--ids"], { input: `${text}\n` });
    assert.equal(ids.stdout, `${tokenizer.encode(text).join(" ")}\n`, ids.stderr);
    const back = await runApt3(["tokenize", "--tokenizer", path, "--decode"], { input: ids.stdout });
    assert.equal(back.stdout, `${text}\n`, back.stderr);
    const wrong = await runApt3(["tokenize", "--tokenizer", path, "--decode"], { input: "5 99999 7" });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /number 2 of the input is "99999", expected an id below/);
  });

  it("--jsonl: a line of JSON for each line, in order, for any number of workers", async (test) => {
    const { folder, path, tokenizer } = await tokenizerFolder(test);
    const texts = Array.from({ length: 4000 }, (_, i) => `wiersz ${i}: ${"dom i kot ".repeat(i % 90)}`);
    const lines = texts.map((text) => JSON.stringify({ tekst: text }));
    lines[2000] = "rubbish";
    const input = join(folder, "in.jsonl.zst");
    await writeFile(input, zstdCompressSync(`${lines.join("\n")}\n`));
    for (const workers of ["1", "3"]) {
      const { stdout, stderr, code } = await runApt3([
        "tokenize",
        "--tokenizer",
        path,
        "--jsonl",
        "tekst",
        "--count",
        "--workers",
        workers,
        "--input",
        input,
      ]);
      assert.equal(code, 0, stderr);
      const found = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      const expected = texts.map((text) => ({ count: tokenizer.count(text) }));
      assert.deepEqual(found.toSpliced(2000, 1), expected.toSpliced(2000, 1));
      assert.match(found[2000].error, /^line 2001: no JSON object with a string "tekst"$/);
      assert.match(stderr, /1 lines held no text/);
    }
    await writeFile(input, (await readFile(input)).subarray(0, 1000));
    const cut = await runApt3(["tokenize", "--tokenizer", path, "--jsonl", "tekst", "--input", input]);
    assert.equal(cut.code, 2);
    assert.match(cut.stderr, /in\.jsonl\.zst: cut off/);
  });
});

describe("serve-tokenizer", () => {
  it("listens on this machine alone, answers, and ends with 0 at a signal", async (test) => {
    const { path, tokenizer } = await tokenizerFolder(test);
    const child = startApt3(["serve-tokenizer", "--tokenizer", path, "--port", "0", "--json"]);
    const ended = finish(child);
    let seen = "";
    const address = await new Promise<string>((resolve, reject) => {
      child.stdout?.on("data", (chunk) => {
        seen += chunk;
        const found = /"address":"([^"]+)"/.exec(seen)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.on("exit", () => reject(new Error("it ended")));
    });
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${address}/tokenize`, { method: "POST", body: '{"text":"kot"}', headers });
    assert.deepEqual(await response.json(), {
      ids: [...tokenizer.encode("kot")],
      count: tokenizer.count("kot"),
    });
    child.kill("SIGTERM");
    const { code, stdout } = await ended;
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "").requests, 1);
  });
});
