import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { loadTokenizer } from "../../../tokenizer/load.ts";
import { planPack } from "../../../tokenizer/pack/plan.ts";
import type { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { hashFolder, temporaryFolder } from "../../support/folders.ts";
import { makeCleanFolder, makeTokenizer, readRows, records, runPack } from "./packing.ts";

const root = temporaryFolder();
const path = (name: string) => join(root, name);
let tokenizerFolder: string;
let tokenizer: Tokenizer;
let clean: string;
const texts = records(0, 90).map(({ text }, i) => ({
  text: i % 7 === 0 ? `${text}\n\n"${text}"\\ \t` : text,
}));
before(async () => {
  tokenizerFolder = await makeTokenizer(path("made"));
  ({ tokenizer } = await loadTokenizer(tokenizerFolder));
  clean = await makeCleanFolder(path("clean"), {
    a: [texts.slice(0, 40), texts.slice(40, 41)],
    b: [texts.slice(41)],
  });
});

const run = (out: string, options: Partial<Parameters<typeof runPack>[0]> = {}) =>
  runPack({ input: clean, tokenizer: tokenizerFolder, out: path(out), ...options });

const encode = (text: string) => Array.from(tokenizer.encode(text, { addBos: true, addEos: true }));
const sorted = (rows: readonly (readonly number[])[]) => rows.map((row) => row.join()).sort();
const countTokens = (ids: Iterable<number>) => {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => a - b));
};

describe("pack", () => {
  it("writes exactly the documents' tokens, cut where the stream was cut", async () => {
    const manifest = await run("whole", { validationShare: 0 });
    const rows = await readRows(path("whole"), manifest, "train");
    // Each shard of texts is one stream; what is behind its last whole row is joined group by group.
    const streams = [texts.slice(0, 40), texts.slice(40, 41), texts.slice(41)].map((part) =>
      part.flatMap(({ text }) => encode(text)),
    );
    const [a1, a2, b] = streams as [number[], number[], number[]];
    const cut = (ids: number[]) =>
      Array.from({ length: Math.floor(ids.length / 64) }, (_, i) => ids.slice(i * 64, (i + 1) * 64));
    const rest = (ids: number[]) => ids.slice(ids.length - (ids.length % 64));
    const expected = [...cut(a1), ...cut(a2), ...cut(b), ...cut([...rest(a1), ...rest(a2)]), ...cut(rest(b))];
    assert.deepEqual(sorted(rows), sorted(expected));
    assert.equal(manifest.splits.train.tokens, streams.flat().length);
    assert.equal(manifest.splits.train.droppedTokens, streams.flat().length - rows.length * 64);
    assert.ok(manifest.splits.train.droppedTokens < 2 * 64, "less than a row a group is left over");
  });

  it("gives the same bytes for any number of workers", async () => {
    await run("one", { workers: 1 });
    await run("three", { workers: 3 });
    assert.deepEqual(hashFolder(path("one")), hashFolder(path("three")));
  });

  it("orders the same rows differently for another seed, and shuffles across files", async () => {
    const [first, second] = [await run("seed-1", { seed: 1 }), await run("seed-2", { seed: 2 })];
    const [rows1, rows2] = [
      await readRows(path("seed-1"), first, "train"),
      await readRows(path("seed-2"), second, "train"),
    ];
    assert.deepEqual(sorted(rows1), sorted(rows2));
    assert.notDeepEqual(rows1, rows2);
    assert.equal(first.splits.train.rowsHash, second.splits.train.rowsHash);
    const ofB = texts
      .slice(41)
      .flatMap(({ text }) => encode(text))
      .join();
    const fromB = rows1.map((row) => ofB.includes(row.join()));
    const changes = fromB.filter((isB, i) => i > 0 && isB !== fromB[i - 1]).length;
    assert.ok(changes > rows1.length / 5, `${changes} changes between files in ${rows1.length} rows`);
  });

  it("holds documents out by their text, the same ones whatever the order, and never both ways", async () => {
    const share = 0.3;
    const backwards = await makeCleanFolder(path("backwards"), { z: [texts.toReversed()] });
    const sides = [await run("side-1", { validationShare: share })];
    sides.push(await run("side-2", { input: backwards, validationShare: share }));
    const [one, two] = sides.map(({ splits }) => splits.validation);
    assert.equal(one!.documents, two!.documents);
    assert.equal(one!.textBytes, two!.textBytes);
    assert.ok(one!.documents > 10 && one!.documents < 50, `${one!.documents} of 90 documents at ${share}`);
    const validation = (await readRows(path("side-1"), sides[0]!, "validation")).flat().join();
    const train = (await readRows(path("side-1"), sides[0]!, "train")).flat().join();
    let found = 0;
    for (const { text } of texts) {
      const middle = encode(text).slice(20, 45).join();
      const sides = Number(validation.includes(middle)) + Number(train.includes(middle));
      assert.ok(sides < 2, "a document is on both sides");
      found += sides;
    }
    assert.ok(found > 45, `only ${found} of 90 documents lie whole in a row where they are looked for`);
  });

  it("keeps near-duplicates of one cluster on one side", async () => {
    const clusters = Array.from({ length: 12 }, (_, cluster) =>
      records(100 + 5 * cluster, 105 + 5 * cluster).map(({ text }) => ({
        text,
        meta: { cluster: `c${cluster}` },
      })),
    ).flat();
    const input = await makeCleanFolder(path("clusters"), { a: [clusters] });
    const { splits } = await run("clusters-out", { input, validationShare: 0.5 });
    assert.equal(splits.validation.documents % 5, 0);
    assert.ok(splits.validation.documents > 0 && splits.train.documents > 0);
  });

  it("says so where nobody looked for near-duplicates, which may then be on both sides", async () => {
    const input = path("unsorted.jsonl");
    writeFileSync(input, texts.map((record) => `${JSON.stringify(record)}\n`).join(""));
    const said = async (out: string, options: { input: string; validationShare: number }) => {
      const lines: string[] = [];
      const context = { ...silentContext(), print: (line: string) => void lines.push(line) };
      await runPack({ ...options, tokenizer: tokenizerFolder, out: path(out) }, context);
      return lines.join("\n");
    };
    const notice = /near-duplicates were not looked for/;
    assert.match(await said("unsorted-1", { input, validationShare: 0.1 }), notice);
    assert.equal(await said("unsorted-2", { input, validationShare: 0 }), "");
    assert.equal(await said("sorted", { input: clean, validationShare: 0.1 }), "");
  });

  it("leaves out <s> and </s> when told to", async () => {
    const without = await run("plain", { bos: false, eos: false, validationShare: 0 });
    const rows = (await readRows(path("plain"), without, "train")).flat();
    assert.ok(!rows.includes(1) && !rows.includes(2));
    const onlyEnd = await run("only-end", { bos: false, validationShare: 0 });
    const ids = (await readRows(path("only-end"), onlyEnd, "train")).flat();
    assert.ok(!ids.includes(1) && ids.includes(2));
    assert.equal(onlyEnd.splits.train.tokens, without.splits.train.tokens + texts.length);
  });

  it("best-fit keeps documents whole where they fit, pads the rest and says how much", async () => {
    const manifest = await run("best-fit", { strategy: "best-fit", seqLen: 512, validationShare: 0 });
    const rows = await readRows(path("best-fit"), manifest, "train");
    const joined = rows.map((row) => `,${row.join()},`);
    const pieces = texts.flatMap(({ text }) => {
      const ids = encode(text);
      return Array.from({ length: Math.ceil(ids.length / 512) }, (_, i) => ids.slice(i * 512, (i + 1) * 512));
    });
    for (const piece of pieces) assert.ok(joined.some((row) => row.includes(`,${piece.join()},`)));
    const padding = rows.flat().filter((id) => id === 3).length;
    assert.equal(manifest.splits.train.paddingTokens, padding);
    assert.equal(rows.length * 512, manifest.splits.train.tokens + padding);
    assert.deepEqual(countTokens(rows.flat().filter((id) => id !== 3)), countTokens(pieces.flat()));
  });

  it("adds a column with the places where documents start", async () => {
    const manifest = await run("starts", { documentStarts: true, strategy: "best-fit", seqLen: 512 });
    const shard = manifest.shards.find(({ split }) => split === "train")!;
    const table = tableFromIPC(readFileSync(path(`starts/${shard.file}`)));
    for (let row = 0; row < table.numRows; row++) {
      const ids: number[] = Array.from(table.getChild("input_ids")!.get(row));
      const starts = Array.from(table.getChild("document_starts")!.get(row));
      const begins = ids.flatMap((id, i) =>
        i === 0 || id === 1 || (id === 3 && ids[i - 1] !== 3) ? [i] : [],
      );
      assert.deepEqual(starts, begins);
    }
  });

  it("reads foreign texts of every kind, and counts what is no document", async () => {
    const input = path("foreign");
    mkdirSync(input);
    const lines = texts.slice(0, 30).map((record) => `${JSON.stringify(record)}\n`);
    writeFileSync(
      join(input, "a.jsonl"),
      `${lines.slice(0, 10).join("")}not json\n{"text":""}\n{"no":"text"}\n`,
    );
    writeFileSync(join(input, "b.jsonl.gz"), gzipSync(lines.slice(10, 20).join("")));
    writeFileSync(
      join(input, "c.jsonl.zst"),
      Buffer.concat([15, 20].map((n) => zstdCompressSync(lines.slice(n, n + 5).join("")))),
    );
    writeFileSync(join(input, "d.txt"), texts[30]!.text);
    const { inputs, splits } = await run("foreign-out", { input, validationShare: 0 });
    assert.deepEqual(
      inputs.map(({ file, documents, rejectedLines }) => [file, documents, rejectedLines]),
      [
        ["a.jsonl", 10, 3],
        ["b.jsonl.gz", 10, 0],
        ["c.jsonl.zst", 10, 0],
        ["d.txt", 1, 0],
      ],
    );
    const expected = [...texts.slice(0, 20), ...texts.slice(15, 25), texts[30]!].flatMap(({ text }) =>
      encode(text),
    );
    assert.equal(splits.train.tokens, expected.length);
  });

  it("shares a large foreign file out to all workers in units, with the same bytes for any number of them", async () => {
    const lines = texts.map((record) => `${JSON.stringify(record)}\n`).join("");
    const input = path("large.jsonl");
    const times = Math.ceil(18_000_000 / Buffer.byteLength(lines));
    writeFileSync(input, lines.repeat(times));
    const options = { input, seqLen: 1024, validationShare: 0.2 };
    const { inputs, splits } = await run("large-1", { ...options, workers: 1 });
    assert.equal(inputs[0]!.documents, times * texts.length);
    assert.equal(inputs[0]!.tokens, times * texts.reduce((sum, { text }) => sum + encode(text).length, 0));
    assert.equal(splits.validation.documents % times, 0, "each text is on one side, however often it comes");
    await run("large-2", { ...options, workers: 2 });
    assert.deepEqual(hashFolder(path("large-1")), hashFolder(path("large-2")));
  });

  it("plans what it then does, and writes nothing", async () => {
    const options = { input: clean, tokenizer: tokenizerFolder, out: path("planned"), seqLen: 64, seed: 1 };
    const settings = { ...options, validationShare: 0, workers: 1, shardBytes: 8192 };
    const plan = await planPack(settings, silentContext());
    assert.ok(!existsSync(options.out));
    const { splits, shards } = await runPack(settings);
    assert.equal(plan.documents, texts.length);
    assert.equal(plan.textBytes, splits.train.textBytes);
    assert.equal(plan.tokens, splits.train.tokens, "all of a small corpus is the sample");
    assert.ok(Math.abs(plan.rows - splits.train.rows) <= 2, "a row a group is left over at most");
    assert.ok(Math.abs(plan.shards - shards.length) <= 1);
    assert.ok(plan.seconds > 0 && plan.freeBytes > 0);
    const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
    assert.ok(plan.shardBytes <= bytes && plan.scratchBytes === plan.shardBytes);
  });

  it("cuts a document longer than a shard into rows of several shards", async () => {
    const long = { text: texts.map(({ text }) => text).join("\n") };
    const input = await makeCleanFolder(path("long"), { a: [[long]] });
    const manifest = await run("long-out", { input, validationShare: 0, shardBytes: 64 * 2 * 10 });
    assert.ok(manifest.shards.length > 3);
    assert.ok(manifest.shards.slice(0, -1).every(({ rows }) => rows === 10));
    const rows = await readRows(path("long-out"), manifest, "train");
    const ids = encode(long.text);
    assert.equal(rows.length, Math.floor(ids.length / 64));
    const whole = ids.slice(0, rows.length * 64);
    assert.deepEqual(countTokens(rows.flat()), countTokens(whole));
  });
});
