import assert from "node:assert/strict";
import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { writeJson } from "../../../pipeline/runtime/manifest.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { flipByte, listFiles, makeCleanFolder, makeTokenizer, records, runPack } from "./packing.ts";

const root = temporaryFolder();
let tokenizer: string;
before(async () => {
  tokenizer = await makeTokenizer(join(root, "made"));
});

const makeInput = (name: string, mix = {}) =>
  makeCleanFolder(join(root, name), { web: [records(0, 20)], wiki: [records(20, 30)] }, mix);

async function refuse(name: string, message: RegExp, input: string, options: object = {}): Promise<void> {
  const out = join(root, `${name}-out`);
  const run = runPack({ input, tokenizer, out, ...options });
  await assert.rejects(run, (error: Error) => {
    assert.equal(error.name, "UserError");
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"), "one line");
    return true;
  });
  const manifest = await readFile(join(out, "manifest.json"), "utf8").catch(() => "{}");
  assert.notEqual(JSON.parse(manifest).complete, true, "nothing half-done is taken for done");
}

describe("pack refuses", () => {
  it("a clean shard that was cut off, whose size its manifest knows", async () => {
    const input = await makeInput("cut");
    await truncate(join(input, "web-0.jsonl.zst"), 100);
    await refuse("cut", /web-0\.jsonl\.zst: 100 bytes, its manifest states \d+; run ingest/, input);
  });

  it("a clean shard that changed since", async () => {
    const input = await makeInput("changed");
    const path = join(input, "wiki-0.jsonl.zst");
    const other = await makeCleanFolder(join(root, "other"), { wiki: [records(40, 50)] });
    const bytes = await readFile(join(other, "wiki-0.jsonl.zst"));
    const size = (await readFile(path)).length;
    // A skippable zstd frame makes up the difference in size: valid to read, another text.
    assert.notEqual(bytes.length, size);
    const manifest = JSON.parse(await readFile(join(input, "manifest.json"), "utf8"));
    manifest.shards[1].bytes = bytes.length;
    await writeJson(join(input, "manifest.json"), manifest);
    await writeFile(path, bytes);
    await refuse("changed", /wiki-0\.jsonl\.zst: its content is not what its manifest describes/, input);
  });

  it("a clean shard with a flipped byte", async () => {
    const input = await makeInput("flipped");
    await flipByte(join(input, "web-0.jsonl.zst"), 200);
    await refuse("flipped", /web-0\.jsonl\.zst: (damaged zstd frame|its content|cut off|not a zstd)/, input);
  });

  it("a foreign archive that is cut off", async () => {
    const input = await makeCleanFolder(join(root, "foreign"), { all: [records(0, 20)] });
    await truncate(join(input, "all-0.jsonl.zst"), 500);
    await refuse("foreign", /all-0\.jsonl\.zst: cut off inside a zstd/, join(input, "all-0.jsonl.zst"));
  });

  it("an empty group with weight, and a group without weight", async () => {
    const input = await makeInput("weights", { web: 6, wiki: 1, books: 93 });
    await refuse("empty", /group books: weight 93 in the mix but no text; .*--mix none/, input);
    await refuse("none", /group wiki: has text but no weight in the mix/, input, { mix: { web: 1 } });
    await refuse("nothing", /the mix: all weights are 0/, input, { mix: { web: 0, wiki: 0 } });
    const blank = { web: [records(0, 20)], wiki: [[{ text: "" }]] };
    const mixed = await makeCleanFolder(join(root, "blank"), blank, { web: 6, wiki: 1 });
    await refuse("blank", /group wiki: weight 1 in the mix but its texts do not fill one row/, mixed);
  });

  it("texts that do not fill a row, whether there are documents or none", async () => {
    const input = await makeInput("short");
    await refuse("short", /30 documents give \d+ tokens, less than one row of --seq-len 1000000/, input, {
      seqLen: 1_000_000,
      validationShare: 0,
    });
    const empty = await makeCleanFolder(join(root, "zero"), { all: [[{ text: "" }, { text: "" }]] });
    await refuse("zero", /0 documents give 0 tokens/, empty);
  });

  it("a tokenizer without the tokens it is asked for", async () => {
    const json = JSON.parse(await readFile(join(tokenizer, "tokenizer.json"), "utf8"));
    json.added_tokens = json.added_tokens.filter(({ content }: { content: string }) => content !== "<pad>");
    json.model.vocab = Object.fromEntries(
      Object.entries(json.model.vocab).map(([token, id]) => [token === "<pad>" ? "zamiast" : token, id]),
    );
    const folder = join(root, "no-pad");
    await writeJson(join(folder, "tokenizer.json"), json);
    const input = await makeInput("tokens");
    const options = { tokenizer: folder, strategy: "best-fit" as const };
    await refuse(
      "tokens",
      /no-pad: the tokenizer has no <pad>, which fills rows; use --strategy concat/,
      input,
      options,
    );
    await refuse("marks", /--document-starts: with --no-bos and --no-eos nothing shows/, input, {
      bos: false,
      eos: false,
      documentStarts: true,
    });
  });

  it("foreign texts that changed between two runs, by their content", async () => {
    const input = join(root, "texts.jsonl");
    const lines = records(0, 20).map((record) => JSON.stringify(record));
    await writeFile(input, `${lines.join("\n")}\n`);
    const out = join(root, "texts-out");
    await runPack({ input, tokenizer, out });
    const files = await listFiles(out);
    await writeFile(input, `${lines.toReversed().join("\n")}\n`); // the same name and size
    const again = runPack({ input, tokenizer, out });
    await assert.rejects(again, { name: "UserError", message: /made by another configuration \(texts,/ });
    assert.deepEqual(await listFiles(out), files);
  });

  it("an unfinished ingest", async () => {
    const input = await makeInput("unfinished");
    const manifest = JSON.parse(await readFile(join(input, "manifest.json"), "utf8"));
    await writeJson(join(input, "manifest.json"), { ...manifest, complete: false });
    await refuse("unfinished", /ingest has not finished/, input);
    await appendFile(join(input, "manifest.json"), "x");
    await refuse("unfinished", /manifest\.json: not valid JSON/, input);
  });
});
