import assert from "node:assert/strict";
import { cp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { writeJson } from "../../../pipeline/runtime/manifest.ts";
import { countsOf, metadataOf, settingsOf } from "../../../tokenizer/pack/pack-options.ts";
import type { PackedManifest } from "../../../tokenizer/pack/shards/packed-manifest.ts";
import { verify } from "../../../tokenizer/pack/verify/verify.ts";
import { writeShard } from "../../../tokenizer/pack/write-shards.ts";
import { runApt3 } from "../../support/apt3.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { flipByte, makeCleanFolder, makeTokenizer, records, runPack } from "./packing.ts";

const root = temporaryFolder();
let tokenizer: string;
let input: string;
let manifest: PackedManifest;
const packed = join(root, "packed");
before(async () => {
  tokenizer = await makeTokenizer(join(root, "made"));
  const groups = { a: [records(0, 40), records(40, 50)], b: [records(50, 70)] };
  input = await makeCleanFolder(join(root, "clean"), groups, { a: 1, b: 1 });
  manifest = await runPack({ input, tokenizer, out: packed, shardBytes: 8192 });
});

const check = (folder: string, options: Partial<Parameters<typeof verify>[0]> = {}) =>
  verify({ folder, input, tokenizer, workers: 1, ...options }, silentContext());

async function refuse(message: RegExp, damage: (folder: string) => Promise<unknown>, options = {}) {
  const folder = join(root, "damaged");
  await rm(folder, { recursive: true, force: true });
  await cp(packed, folder, { recursive: true });
  await damage(folder);
  await assert.rejects(check(folder, options), { name: "UserError", message });
}

const change = (change: (manifest: PackedManifest) => PackedManifest) => (folder: string) =>
  writeJson(join(folder, "manifest.json"), change(structuredClone(manifest)));

describe("verify", () => {
  it("finds every document's tokens in the rows, mixed or not, of any strategy", async () => {
    const report = await check(packed);
    assert.equal(report.documents, 70);
    assert.equal(report.rows, manifest.splits.train.rows + manifest.splits.validation.rows);
    assert.match(report.samples.train ?? "", /\p{L}{3}/u);
    const variants = [
      { mix: "none" as const },
      { strategy: "best-fit" as const, seqLen: 128 },
      { documentStarts: true, eos: false },
    ];
    for (const [index, options] of variants.entries()) {
      const out = join(root, `variant-${index}`);
      await runPack({ input, tokenizer, out, ...options });
      assert.equal((await check(out)).documents, 70);
    }
  });

  it("checks 32-bit ids, which vocabularies above 65,536 need, in the same way", async () => {
    const json = JSON.parse(await readFile(join(tokenizer, "tokenizer.json"), "utf8"));
    json.added_tokens.push({ ...json.added_tokens[0], id: 70_000, content: "<far>" });
    const wide = join(root, "wide");
    await writeJson(join(wide, "tokenizer.json"), json);
    const out = join(root, "wide-packed");
    const { dtype, shards } = await runPack({ input, tokenizer: wide, out, documentStarts: true });
    assert.equal(dtype, "uint32");
    assert.equal((await check(out, { tokenizer: wide })).documents, 70);
    await flipByte(join(out, shards[0]!.file), 3000);
    await assert.rejects(check(out, { tokenizer: wide }), /train-00000\.arrow row \d+: its bytes/);
  });

  it("finds a flipped bit anywhere in a shard, in its schema and its footer, and in the hashes beside it", async () => {
    const folder = join(root, "flipped");
    await cp(packed, folder, { recursive: true });
    const shard = manifest.shards[0]!;
    const path = join(folder, shard.file);
    const refuseFlip = async (path: string, at: number, message: RegExp) => {
      await flipByte(path, at);
      await assert.rejects(
        check(folder, { input: undefined }),
        { name: "UserError", message },
        `byte ${at} of ${path}`,
      );
      await flipByte(path, at);
    };
    const size = (await stat(path)).size;
    for (let at = 0; at < size; at += 97) await refuseFlip(path, at, /train-00000\.arrow/);
    for (let at = size - 60; at < size; at += 7) {
      await refuseFlip(path, at, /train-00000\.arrow: its rows are right, but .* footer is damaged/);
    }
    const rows = /train-00000\.arrow row \d+: its bytes are not those that were packed/;
    await refuseFlip(path, size - 4000, rows);
    const hashes = path.replace(".arrow", ".xxh64");
    await refuseFlip(hashes, 9, /train-00000\.xxh64: its content is not/);
    assert.equal((await check(folder)).documents, 70, "with every bit back in its place");
  });

  it("finds an id outside the vocabulary, and names the row", async () => {
    const shard = manifest.shards[0]!;
    const { seqLen, splits } = manifest;
    await refuse(
      /train-00000\.arrow row 3: token id 300 is outside the vocabulary of 300/,
      async (folder) => {
        const ids = Array.from({ length: shard.rows }, (_, row) =>
          new Uint16Array(seqLen).fill(row === 3 ? 300 : 299),
        );
        const metadata = {
          ...metadataOf(settingsOf(manifest)),
          ...countsOf("train", splits.train),
          "apt3.rows": String(shard.rows),
        };
        const path = join(folder, shard.file);
        const { rowsHash: _, ...record } = await writeShard([ids], path, { seqLen, wide: false, metadata });
        const shards = manifest.shards.map((other) => (other === shard ? { ...shard, ...record } : other));
        await writeJson(join(folder, "manifest.json"), { ...manifest, shards });
      },
    );
  });

  it("finds a shard of another row length among the others", async () => {
    const out = join(root, "other-length");
    const others = await runPack({ input, tokenizer, out, seqLen: 32, shardBytes: 8192 });
    const [own, other] = [manifest.shards[0]!, others.shards[0]!];
    assert.equal(own.file, other.file);
    await refuse(/train-00000\.arrow: expected 64 tokens a row, found 32/, async (folder) => {
      for (const file of [other.file, other.file.replace(".arrow", ".xxh64")])
        await cp(join(out, file), join(folder, file));
      const shards = manifest.shards.map((shard) => (shard === own ? other : shard));
      await writeJson(join(folder, "manifest.json"), { ...manifest, shards });
    });
  });

  it("finds shards that are cut off, missing or in each other's place", async () => {
    const [first, second] = manifest.shards.map(({ file }) => file) as [string, string];
    await refuse(/train-00000\.arrow: 5000 bytes, the manifest says/, (folder) =>
      truncate(join(folder, first), 5000),
    );
    await refuse(/train-00001\.arrow: no such file/, (folder) => rm(join(folder, second)));
    await refuse(/train-00000\.arrow row 0/, async (folder) =>
      writeFile(join(folder, first), await readFile(join(folder, second))),
    );
  });

  it("finds a manifest that says other things than the shards", async () => {
    await refuse(
      /train-00000\.arrow: its apt3\.seed is 1, the manifest's 2;/,
      change((found) => ({ ...found, seed: 2 })),
    );
    await refuse(
      /expected 32 tokens a row, found 64/,
      change((found) => ({ ...found, seqLen: 32 })),
    );
    await refuse(
      /splits\.train says .* rows/,
      change((found) => ({ ...found, shards: found.shards.slice(1) })),
    );
    const narrow = { ...manifest.tokenizer, vocabSize: 100 };
    await refuse(
      /its apt3\.tokenizer is .*"vocabSize":300/,
      change((found) => ({ ...found, tokenizer: narrow })),
    );
    const [a, b] = manifest.groups;
    const groups = [
      { ...a!, rows: a!.rows - 1 },
      { ...b!, rows: b!.rows + 1 },
    ];
    await refuse(
      /train rows are not those of/,
      change((found) => ({ ...found, groups })),
    );
  });

  it("refuses another tokenizer and other texts", async () => {
    const other = await makeTokenizer(join(root, "other"), 280);
    await refuse(/not the tokenizer that .* was packed with/, async () => undefined, { tokenizer: other });
    const texts = await makeCleanFolder(join(root, "others"), { a: [records(0, 40)] });
    await refuse(/not the texts that were packed/, async () => undefined, { input: texts });
  });

  it("is a command with the folder as its argument", async () => {
    const words = ["verify", packed, "--input", input, "--tokenizer", tokenizer, "--json"];
    const good = await runApt3(words);
    assert.equal(good.code, 0, good.stderr);
    const done = JSON.parse(good.stdout.trim().split("\n").at(-1)!);
    assert.deepEqual([done.event, done.documents, done.shards], ["done", 70, manifest.shards.length]);
    const bad = await runApt3(["verify", join(root, "nowhere"), "--tokenizer", tokenizer]);
    assert.equal(bad.code, 2);
    assert.match(
      bad.stderr,
      /^apt3 verify: .*manifest\.json: no such file; make the folder with `npm run pack`/,
    );
  });
});
