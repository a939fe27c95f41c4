import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Mix, mixRows } from "../../../tokenizer/pack/rows/mix.ts";
import { describeScratch, type Scratch } from "../../../tokenizer/pack/rows/row-sources.ts";
import { countByGroup, ShuffledRows } from "../../../tokenizer/pack/rows/shuffled-rows.ts";
import { packTails } from "../../../tokenizer/pack/rows/tails.ts";
import { RowBuffers, type ShuffleOptions, UnitRows } from "../../../tokenizer/pack/rows/unit-rows.ts";
import { bytesOf } from "../../../tokenizer/pack/shards/ids.ts";
import { SPLITS, type Split } from "../../../tokenizer/pack/shards/packed-manifest.ts";
import { temporaryFolder } from "../../support/folders.ts";

const SEQ_LEN = 8;
const OPTIONS: ShuffleOptions = {
  seqLen: SEQ_LEN,
  wide: false,
  strategy: "concat",
  padId: 3,
  buckets: 5,
  seed: 11,
};
const BUFFERS = new RowBuffers(OPTIONS);
const root = temporaryFolder();

interface Document {
  readonly split: Split;
  readonly ids: readonly number[];
}

const documents = fc.array(
  fc.record({
    split: fc.constantFrom(...SPLITS),
    ids: fc.array(fc.integer({ min: 4, max: 60_000 }), { minLength: 1, maxLength: 40 }),
  }),
  { maxLength: 30 },
);

/** All ids of a unit as they would lie in its scratch file, and its index. */
async function makeUnit(unit: number, documents: readonly Document[], options: Partial<ShuffleOptions> = {}) {
  const ids: number[] = [];
  const rows = new UnitRows({ ...OPTIONS, ...options }, unit, BUFFERS, (part) => void ids.push(...part));
  for (const { split, ids } of documents) rows.add(split, Uint16Array.from(ids), 0);
  return { index: rows.finish(), ids };
}

const streamOf = (documents: readonly Document[], split: Split) =>
  documents.flatMap((document) => (document.split === split ? document.ids : []));

const cut = (ids: readonly number[]) =>
  Array.from({ length: Math.floor(ids.length / SEQ_LEN) }, (_, i) =>
    ids.slice(i * SEQ_LEN, (i + 1) * SEQ_LEN).join(),
  );

/** Rows of a split in a unit, and the tokens behind them. */
function readUnit({ index, ids }: Awaited<ReturnType<typeof makeUnit>>, split: Split) {
  const rows: string[] = [];
  let start = 0;
  for (const segment of index.segments) {
    const end = start + segment.rowsByBucket.reduce((sum, count) => sum + count, 0) * SEQ_LEN;
    if (segment.split === split) rows.push(...cut(ids.slice(start, end)));
    start = end;
  }
  const from = split === "train" ? start : start + index.tails.train;
  return { rows, tail: ids.slice(from, from + index.tails[split]) };
}

describe("the rows of a unit", () => {
  it("are its documents' stream, cut, with what is left behind them", () =>
    fc.assert(
      fc.asyncProperty(documents, async (documents) => {
        const unit = await makeUnit(0, documents);
        for (const split of SPLITS) {
          const stream = streamOf(documents, split);
          const { rows, tail } = readUnit(unit, split);
          assert.deepEqual(rows.toSorted(), cut(stream).toSorted());
          assert.deepEqual(tail, stream.slice(stream.length - (stream.length % SEQ_LEN)));
          assert.equal(unit.index.splits[split].tokens, stream.length);
        }
      }),
      { numRuns: 40 },
    ));

  it("hold documents that fit whole, once each, with best-fit", () =>
    fc.assert(
      fc.asyncProperty(documents, async (documents) => {
        const unit = await makeUnit(0, documents, { strategy: "best-fit" });
        for (const split of SPLITS) {
          const pieces = documents.flatMap((document) =>
            document.split === split
              ? Array.from({ length: Math.ceil(document.ids.length / SEQ_LEN) }, (_, i) =>
                  document.ids.slice(i * SEQ_LEN, (i + 1) * SEQ_LEN),
                )
              : [],
          );
          const { rows, tail } = readUnit(unit, split);
          assert.equal(tail.length, 0);
          const ids = rows.flatMap((row) => row.split(",").map(Number));
          const padding = ids.filter((id) => id === OPTIONS.padId).length;
          assert.equal(padding, unit.index.splits[split].paddingTokens);
          assert.equal(ids.length - padding, pieces.flat().length);
          for (const piece of pieces) {
            const found = rows.findIndex((row) => `,${row},`.includes(`,${piece.join()},`));
            assert.ok(found >= 0, `no row holds ${piece.join()} whole`);
            rows[found] = `,${rows[found]},`.replace(`,${piece.join()},`, ",taken,").slice(1, -1);
          }
        }
      }),
      { numRuns: 40 },
    ));
});

describe("shuffled rows", () => {
  let folders = 0;

  /** Scratch files of units, each of a group, and of the groups' tails. */
  async function makeScratch(units: readonly { group: string; documents: readonly Document[] }[]) {
    const folder = join(root, String(folders++));
    mkdirSync(folder);
    const scratch: Scratch[] = [];
    for (const [number, { group, documents }] of units.entries()) {
      const path = `${folder}-${number}.rows`;
      const { index, ids } = await makeUnit(number, documents);
      writeFileSync(path, bytesOf(Uint16Array.from(ids)));
      scratch.push(describeScratch(path, group, index));
    }
    return [...scratch, ...(await packTails(scratch, folder, OPTIONS))];
  }

  async function readRows(rows: ShuffledRows, from: number, to: number): Promise<string[]> {
    const read: string[] = [];
    for await (const part of rows.read(from, to)) for (const row of part) read.push(row.join());
    return read;
  }

  const units = fc.array(fc.record({ group: fc.constantFrom("a", "b"), documents }), {
    minLength: 1,
    maxLength: 4,
  });

  it("are all rows of all units and tails, each as often as the mix says, from wherever they are read", () =>
    fc.assert(
      fc.asyncProperty(units, fc.boolean(), fc.nat(), async (units, isMixed, place) => {
        const scratch = await makeScratch(units);
        for (const split of SPLITS) {
          const mix: Mix = isMixed && split === "train" ? { a: 5, b: 2 } : undefined;
          const mixes = mixRows(countByGroup(split, scratch), mix, 4);
          const rows = new ShuffledRows(split, scratch, mixes, OPTIONS);
          const all = await readRows(rows, 0, rows.rows);
          assert.equal(all.length, rows.rows);
          const middle = rows.rows === 0 ? 0 : place % rows.rows;
          const parts = [await readRows(rows, 0, middle), await readRows(rows, middle, rows.rows)];
          assert.deepEqual(parts.flat(), all);

          const wanted = mixes.values().reduce((sum, { rows }) => sum + rows, 0);
          assert.equal(all.length, wanted);
          const counts = Map.groupBy(all, (row) => row);
          const atLeast = new Map<string, number>();
          for (const [group, { base }] of mixes) {
            const own = units.filter((unit) => unit.group === group);
            const tails = own.flatMap(({ documents }) => {
              const stream = streamOf(documents, split);
              return stream.slice(stream.length - (stream.length % SEQ_LEN));
            });
            const streams = [...own.map(({ documents }) => streamOf(documents, split)), tails];
            for (const row of streams.flatMap(cut)) atLeast.set(row, (atLeast.get(row) ?? 0) + base);
          }
          for (const [row, times] of atLeast) assert.ok((counts.get(row)?.length ?? 0) >= times, row);
          for (const row of counts.keys()) assert.ok(atLeast.has(row), `${row} is no row of the texts`);
        }
      }),
      { numRuns: 25 },
    ));

  it("come in the same order each time, in another for another seed", async () => {
    const ids = Array.from({ length: SEQ_LEN * 100 }, (_, i) => i + 4);
    const scratch = await makeScratch([{ group: "a", documents: [{ split: "train", ids }] }]);
    const mixes = mixRows(countByGroup("train", scratch), undefined, 1);
    const orderBy = (seed: number) =>
      readRows(new ShuffledRows("train", scratch, mixes, { ...OPTIONS, seed }), 0, 100);
    const first = await orderBy(1);
    assert.deepEqual(await orderBy(1), first);
    const second = await orderBy(2);
    assert.notDeepEqual(second, first);
    assert.deepEqual(second.toSorted(), first.toSorted());
    assert.notDeepEqual(first, cut(ids));
  });
});
