import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Clusters } from "../../../pipeline/dedup/clusters.ts";
import { BANDS, createMinHasher } from "../../../pipeline/dedup/minhash.ts";
import { findNearDuplicates } from "../../../pipeline/dedup/near-duplicates.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();
const minHash = createMinHasher();

/** A text of `length` words; every word after `shared` is the document's own. */
function words(document: number, length: number, shared: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) =>
    Math.imul(i < shared ? i + 1 : (i + 1) * 7919 + document * 104729, 2654435761),
  );
}

function bandsOf(hashes: Uint32Array): Uint32Array {
  const bands = new Uint32Array(BANDS * 2);
  minHash(hashes, bands, 0);
  return bands;
}

function sharedBands(a: Uint32Array, b: Uint32Array): number {
  const [first, second] = [bandsOf(a), bandsOf(b)];
  return Array.from({ length: BANDS }, (_, i) => i).filter(
    (i) => first[2 * i] === second[2 * i] && first[2 * i + 1] === second[2 * i + 1],
  ).length;
}

/** A band file as ingest writes it: one column a band. */
function writeBands(name: string, documents: readonly Uint32Array[]) {
  const columns = new Uint32Array(documents.length * BANDS * 2);
  for (const [i, hashes] of documents.entries()) {
    const bands = bandsOf(hashes);
    for (let band = 0; band < BANDS; band++)
      columns.set(bands.subarray(band * 2, band * 2 + 2), (band * documents.length + i) * 2);
  }
  const path = join(root, name);
  writeFileSync(path, columns);
  return { path, documents: documents.length };
}

test("the share of pairs that meet in a band rises with similarity as theory says", () => {
  // similarity s → 1 - (1 - s^8)^14; 400 pairs each, so ±0.05 is two standard deviations
  for (const similarity of [0.5, 0.72, 0.9]) {
    let found = 0;
    for (let pair = 0; pair < 400; pair++) {
      const shingles = 300;
      const shared = Math.round((2 * shingles * similarity) / (1 + similarity));
      const a = words(pair * 2 + 1, shingles + 4, shared + 4).map((hash) => hash ^ (pair * 0x9e3779b1));
      const b = words(pair * 2 + 2, shingles + 4, shared + 4).map((hash) => hash ^ (pair * 0x9e3779b1));
      if (sharedBands(a, b) > 0) found += 1;
    }
    const expected = 1 - (1 - similarity ** 8) ** BANDS;
    assert.ok(Math.abs(found / 400 - expected) < 0.08, `${similarity}: ${found / 400}, expected ${expected}`);
  }
});

test("texts of fewer words than a shingle are duplicates only of themselves", () => {
  assert.equal(sharedBands(Uint32Array.of(1, 2), Uint32Array.of(1, 2)), BANDS);
  assert.equal(sharedBands(Uint32Array.of(1, 2), Uint32Array.of(1, 3)), 0);
});

test("the earliest document of a cluster stays, over files, and in whatever parts a band is read", async () => {
  const documents = Array.from({ length: 60 }, (_, i) => words(i, 200, 0));
  documents[40] = documents[3]!.slice();
  documents[55] = documents[3]!.map((hash, i) => (i === 100 ? 1 : hash));
  documents[59] = documents[58]!.slice();
  const files = [
    writeBands("a", documents.slice(0, 50)),
    writeBands("empty", []),
    writeBands("b", documents.slice(50)),
  ];
  for (const recordsAtATime of [1000, 25, 7]) {
    const clusters = await findNearDuplicates(files, { recordsAtATime });
    const duplicates = documents.flatMap((_, id) => (clusters.isDuplicate(id) ? [id] : []));
    assert.deepEqual(duplicates, [40, 55, 59]);
    assert.deepEqual(
      [40, 55, 59].map((id) => clusters.find(id)),
      [3, 3, 58],
    );
  }
});

test("clusters do not depend on the order in which pairs are found", () => {
  const pairs = [
    [5, 9],
    [9, 2],
    [7, 5],
    [1, 8],
  ] as const;
  const roots = [pairs, pairs.toReversed()].map((order) => {
    const clusters = new Clusters(10);
    for (const [a, b] of order) clusters.join(a, b);
    return Array.from({ length: 10 }, (_, id) => clusters.find(id));
  });
  assert.deepEqual(roots[0], roots[1]);
  assert.deepEqual(roots[0], [0, 1, 2, 3, 4, 2, 6, 2, 1, 2]);
});

test("a band file that is cut off is named", async () => {
  const file = writeBands("cut", [words(1, 50, 0)]);
  await assert.rejects(
    findNearDuplicates([{ ...file, documents: 2 }]),
    /cut: expected 224 bytes, band 7 is cut off/,
  );
});
