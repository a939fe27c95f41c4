import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteQueue } from "../../../pipeline/readers/byte-queue.ts";

const bytesOf = (...values: number[]) => Uint8Array.from(values);

async function* chunksOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test("chunks of the size to be freed are gone when the next has come, and no byte with them", async () => {
  const chunks = [bytesOf(1, 2, 3, 4), bytesOf(5, 6, 7), bytesOf(8, 9, 10, 11), bytesOf(12)];
  const queue = new ByteQueue(chunksOf(...chunks), "test", 4);
  await queue.has(1);
  queue.drop(3); // one byte is left of the first chunk, and moves into a copy
  assert.ok(await queue.has(4));
  assert.deepEqual([...queue.head], [4, 5, 6, 7]);
  queue.drop(4);
  assert.ok(await queue.has(1));
  queue.drop(4);
  assert.ok(await queue.has(1));
  assert.deepEqual([...queue.head], [12]);
  assert.deepEqual(
    chunks.map(({ byteLength }) => byteLength),
    [0, 3, 0, 1],
  );
});

test("without a size nothing is freed", async () => {
  const chunks = [bytesOf(1, 2), bytesOf(3, 4)];
  const queue = new ByteQueue(chunksOf(...chunks), "test");
  assert.ok(await queue.has(4));
  assert.deepEqual([...queue.head], [1, 2, 3, 4]);
  assert.deepEqual(
    chunks.map(({ byteLength }) => byteLength),
    [2, 2],
  );
});
