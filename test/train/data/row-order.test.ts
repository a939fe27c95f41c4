import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RowOrder } from "../../../train/data/row-order.ts";

/** Bytes a row: four rows make a chunk, 64 a window. */
const ROW_BYTES = 64 << 10;

const shardsOf = (sizes: readonly number[]) =>
  sizes.map((rows, i) => {
    const file = `train-${i}.arrow`;
    return { file, split: "train" as const, rows, bytes: 0, sha256: "", rowHashesSha256: "" };
  });

/** The rows of a pass in their order, as `shard/row`. */
function listPass(order: RowOrder, epoch: number): string[] {
  const rows: string[] = [];
  while (rows.length < order.rows) {
    const window = order.windowAt({ epoch, row: rows.length });
    assert.equal(window.firstRow, rows.length);
    const places = order.placesIn(window) ?? Uint32Array.from({ length: window.rows }, (_, i) => i);
    assert.equal(places.length, window.rows);
    for (const place of places) {
      const chunk = window.chunks[Math.floor(place / order.chunkRows)]!;
      const inChunk = place % order.chunkRows;
      assert.ok(inChunk < chunk.rows);
      rows.push(`${window.shard.file}/${chunk.row + inChunk}`);
    }
  }
  return rows;
}

const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

describe("the order of rows", () => {
  it("visits every row once a pass, whatever the sizes of the shards", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.integer({ min: 0, max: 5 }), (sizes, seed, epoch) => {
        const shards = shardsOf(sizes);
        const all = shards.flatMap(({ file, rows }) =>
          Array.from({ length: rows }, (_, i) => `${file}/${i}`),
        );
        const visited = listPass(new RowOrder(shards, ROW_BYTES, seed), epoch);
        if (epoch === 0) assert.deepEqual(visited, all);
        assert.deepEqual(visited.toSorted(), all.toSorted());
      }),
      { numRuns: 60 },
    );
  });

  it("finds the window of any row, whatever was asked for before", () => {
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(), { maxLength: 20 }), (sizes, numbers) => {
        const order = new RowOrder(shardsOf(sizes), ROW_BYTES, 1);
        for (const number of numbers) {
          const cursor = order.advance({ epoch: 0, row: 0 }, number % (4 * order.rows));
          const { epoch, firstRow, rows } = order.windowAt(cursor);
          assert.equal(epoch, cursor.epoch);
          assert.ok(firstRow <= cursor.row && cursor.row < firstRow + rows);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("shuffles later passes anew: few rows keep their successor", () => {
    const order = new RowOrder(shardsOf([2000]), ROW_BYTES, 7);
    const [stored, second, third] = [0, 1, 2].map((epoch) => listPass(order, epoch));
    for (const [one, other] of [
      [stored, second],
      [second, third],
      [stored, third],
    ] as const) {
      const after = new Map(one!.map((row, i) => [row, one![i + 1]]));
      const same = other!.filter(
        (row, i) => i + 1 < other!.length && after.get(row) === other![i + 1],
      ).length;
      assert.ok(same < 60, `${same} of 2000 rows are followed by the same row again`);
    }
  });
});
