import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KeyFilter } from "../../../pipeline/dedup/key-filter.ts";
import { KeySet } from "../../../pipeline/dedup/key-set.ts";
import { SeenKeys } from "../../../pipeline/dedup/seen-keys.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();

/** Pseudo-random 64-bit numbers (SplitMix64), the same for the same index. */
function keyOf(index: number): bigint {
  let z = BigInt.asUintN(64, BigInt(index + 1) * 0x9e3779b97f4a7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

test("keys on disk are known like those in memory: each is new once, whatever its bits", async () => {
  const folder = join(root, "seen");
  const seen = await SeenKeys.create(folder, { recentKeys: 100 });
  const expected = new Set<bigint>();
  // such as have the upper or lower bits of others, and the extremes
  const special = [0n, 1n, 2n ** 64n - 1n, 2n ** 48n, 2n ** 48n - 1n, keyOf(3) ^ 1n, keyOf(3) ^ (1n << 63n)];
  const keys = Array.from({ length: 20_000 }, (_, i) => keyOf(i % 3 === 0 ? i >> 1 : i));
  for (const [i, key] of [...special, ...keys, ...special].entries()) {
    assert.equal(seen.add(key), !expected.has(key), `key ${key}, the ${i}th`);
    expected.add(key);
    if (i % 70 === 0) await seen.settle();
  }
  // 13,000 keys of which some 130 at a time went to disk: at most seven runs of each of three sizes lie there
  const runs = readdirSync(folder).map(Number);
  assert.ok(Math.max(...runs) > 90, runs.join());
  assert.ok(runs.length <= 21, runs.join());
  await seen.addAll(BigUint64Array.from(keys, (key) => key ^ 5n));
  assert.equal(seen.add(keyOf(7) ^ 5n), false);
  await seen.clear();
  assert.equal(existsSync(folder), false);
  assert.equal(seen.add(keyOf(7)), true, "nothing is remembered");
});

test("a filter has all its keys and, as long as it has room, few others", () => {
  const count = 40_000;
  const filter = new KeyFilter(count);
  for (let first = 0; first < 2 * count; first += 1000) {
    assert.ok(filter.hasRoomFor(1000), `${first}`);
    filter.addAll(BigUint64Array.from({ length: 1000 }, (_, i) => keyOf(first + i)));
  }
  const shareOf = (from: number) =>
    Array.from({ length: count }, (_, i) => filter.mayHave(keyOf(from + i))).filter(Boolean).length / count;
  assert.equal(shareOf(0), 1);
  assert.equal(shareOf(count), 1);
  assert.ok(shareOf(2 * count) < 0.06, `${shareOf(2 * count)}`);
  assert.ok(!filter.hasRoomFor(4 * count));
});

test("the keys of a set come out in order, zero among them", () => {
  const set = new KeySet();
  const keys = [7n, 0n, 2n ** 64n - 1n, 3n];
  for (const key of keys) set.add(key);
  assert.deepEqual([...set.sorted()], [0n, 3n, 7n, 2n ** 64n - 1n]);
});
