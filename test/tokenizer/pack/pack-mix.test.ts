import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { chooseMix, mixRows } from "../../../tokenizer/pack/rows/mix.ts";
import { scatter } from "../../../tokenizer/pack/rows/shuffle.ts";
import { hashFolder, temporaryFolder } from "../../support/folders.ts";
import { makeCleanFolder, makeTokenizer, readRows, records, runPack } from "./packing.ts";

const available = new Map([
  ["speakleash", 9000],
  ["web", 500],
  ["wikipedia", 500],
]);

describe("the mix", () => {
  it("shares the rows out by weight, repeating small groups and leaving rows of large ones out", () => {
    const mixed = mixRows(available, { speakleash: 93, web: 6, wikipedia: 1 }, 4);
    const figures = [...mixed.values()].map(({ rows, base, extra, droppedRows }) => [
      rows,
      base,
      extra,
      droppedRows,
    ]);
    assert.deepEqual(figures, [
      [9300, 1, 300, 0],
      [600, 1, 100, 0],
      [100, 0, 100, 400],
    ]);
    assert.equal(mixed.get("web")?.share, 0.06);
    assert.equal(mixed.get("wikipedia")?.epochs, 0.2);
  });

  it("repeats no group more often than allowed, and gives its part to the others", () => {
    const mixed = mixRows(available, { speakleash: 10, web: 80, wikipedia: 10 }, 4);
    assert.equal(mixed.get("web")?.rows, 2000);
    assert.equal(mixed.get("wikipedia")?.rows, 2000);
    assert.equal(mixed.get("speakleash")?.rows, 6000);
  });

  it("takes every row once without weights", () => {
    const mixed = mixRows(available, undefined, 4);
    assert.ok(
      [...mixed.values()].every(({ base, extra, epochs }) => base === 1 && extra === 0 && epochs === 1),
    );
  });

  it("refuses a weight without texts and texts without a weight", () => {
    const groups = new Set(["web", "wikipedia"]);
    assert.throws(() => chooseMix({ web: 1, wikipedia: 1, speakleash: 93 }, undefined, groups), {
      name: "UserError",
      message: /group speakleash: weight 93 in the mix but no text/,
    });
    assert.throws(() => chooseMix({}, { web: 6 }, groups), {
      name: "UserError",
      message: /group wikipedia: has text but no weight/,
    });
    assert.equal(chooseMix({ speakleash: 93 }, undefined, new Set(["sample"])), undefined);
    assert.equal(chooseMix({ web: 1 }, "none", groups), undefined);
  });

  it("chooses rows by a permutation of any size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (size, seed) => {
          const images = Array.from({ length: size }, (_, i) => scatter(i, size, seed)).sort((a, b) => a - b);
          return images.every((image, i) => image === i);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("packing a mix", () => {
  const root = temporaryFolder();
  let tokenizer: string;
  let input: string;
  let groups: Record<string, ReturnType<typeof records>[]>;
  before(async () => {
    tokenizer = await makeTokenizer(join(root, "made"));
    groups = { a: [records(0, 50), records(50, 60)], b: [records(60, 80)] };
    input = await makeCleanFolder(join(root, "clean"), groups, { a: 1, b: 1 });
  });
  const run = (name: string, options: object) =>
    runPack({ input, tokenizer, out: join(root, name), ...options });

  it("writes each group's rows as often as reported", async () => {
    const once = await run("once", { mix: "none" });
    const mixed = await run("mixed", {});
    const counts = new Map<string, number>();
    for (const row of await readRows(join(root, "mixed"), mixed, "train")) {
      counts.set(row.join(), (counts.get(row.join()) ?? 0) + 1);
    }
    const total = mixed.groups.reduce((sum, { rows }) => sum + rows, 0);
    assert.ok(Math.abs(total - once.splits.train.rows) <= 1, "as many rows as there are");
    for (const { group, rows, rowsAvailable, epochs, share, droppedRows } of mixed.groups) {
      const alone = join(root, `alone-${group}`);
      const own = await makeCleanFolder(join(root, `clean-${group}`), { [group]: groups[group]! });
      const packed = await runPack({ input: own, tokenizer, out: alone });
      const times = (await readRows(alone, packed, "train")).map((row) => counts.get(row.join()) ?? 0);
      assert.equal(times.length, rowsAvailable);
      assert.equal(
        times.reduce((sum, count) => sum + count, 0),
        rows,
      );
      assert.ok(times.every((count) => count === Math.floor(epochs) || count === Math.ceil(epochs)));
      assert.equal(times.filter((count) => count === 0).length, droppedRows);
      assert.ok(Math.abs(share - 0.5) < 0.01);
    }
    assert.deepEqual(mixed.splits.validation, once.splits.validation, "validation is never mixed");
  });

  it("gives the same bytes for any number of workers", async () => {
    await run("one", { workers: 1, mix: { a: 5, b: 1 } });
    await run("two", { workers: 2, mix: { a: 5, b: 1 } });
    assert.deepEqual(hashFolder(join(root, "one")), hashFolder(join(root, "two")));
  });
});
