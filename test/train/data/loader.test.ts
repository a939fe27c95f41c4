import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, before, describe, it, mock } from "node:test";
import type { PackedManifest, PackedShard } from "../../../tokenizer/pack/shards/packed-manifest.ts";
import { PackedShardFile } from "../../../tokenizer/pack/shards/packed-shard.ts";
import { RowLoader } from "../../../train/data/loader.ts";
import { openPackedData, type PackedData } from "../../../train/data/packed-data.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { makePackedFolder, rowIds } from "../packed-folder.ts";

const root = temporaryFolder();
let data: PackedData;
before(async () => {
  await makePackedFolder(join(root, "data"));
  data = await openPackedData(join(root, "data"));
});

const opened: RowLoader[] = [];
afterEach(async () => {
  for (const loader of opened.splice(0)) await loader.close();
});

/** A loader that is closed when the test ends. */
function open(...options: ConstructorParameters<typeof RowLoader>): RowLoader {
  const loader = new RowLoader(...options);
  opened.push(loader);
  return loader;
}

/** The numbers of the next rows; each row starts with its own. */
async function take(loader: RowLoader, count: number): Promise<number[]> {
  const rows: number[] = [];
  for (let i = 0; i < count; i++) rows.push((await loader.next(1))[0]!);
  return rows;
}

const all = Array.from({ length: 12 }, (_, row) => row);

describe("the loader", () => {
  it("gives whole rows, in their stored order on the first pass", async () => {
    const loader = open(data, "train", 1);
    assert.deepEqual(await loader.next(2), Uint16Array.from([...rowIds(0, 8, 40), ...rowIds(1, 8, 40)]));
    assert.deepEqual(loader.cursor, { epoch: 0, row: 2 });
    assert.deepEqual(await take(loader, 10), all.slice(2));
    assert.deepEqual(loader.cursor, { epoch: 1, row: 0 });
  });

  it("gives every row once a pass, each pass in another order", async () => {
    const loader = open(data, "train", 1);
    const passes = [await take(loader, 12), await take(loader, 12), await take(loader, 12)];
    for (const pass of passes)
      assert.deepEqual(
        pass.toSorted((a, b) => a - b),
        all,
      );
    assert.equal(new Set(passes.map((pass) => pass.join())).size, 3);
    const other = open(data, "train", 2, { epoch: 1, row: 0 });
    assert.notDeepEqual(await take(other, 12), passes[1]);
  });

  it("goes on from any cursor, across ends of shards and passes", async () => {
    const whole = await take(open(data, "train", 1), 36);
    for (let row = 0; row < 36; row += 5) {
      const cursor = { epoch: Math.floor(row / 12), row: row % 12 };
      const batch = await open(data, "train", 1, cursor).next(Math.min(4, 36 - row));
      const firsts = Array.from({ length: batch.length / 8 }, (_, index) => batch[index * 8]);
      assert.deepEqual(firsts, whole.slice(row, row + 4));
    }
  });

  it("gives the same rows whatever the sizes of the batches", async () => {
    const whole = await take(open(data, "train", 1), 30);
    const loader = open(data, "train", 1);
    const rows: number[] = [];
    for (const count of [1, 3, 3, 2, 7, 7, 1, 6]) {
      const batch = await loader.next(count);
      for (let index = 0; index < count; index++) rows.push(batch[index * 8]!);
    }
    assert.deepEqual(rows, whole);
    await loader.close();
  });

  it("shares every batch out to the ranks, without overlap and in the order of one process", async () => {
    for (const worldSize of [2, 3, 5]) {
      const loaders = Array.from({ length: worldSize }, (_, rank) =>
        open(data, "train", 1, undefined, { rank, worldSize }),
      );
      const alone = open(data, "train", 1);
      for (let step = 0; step < 8; step++) {
        const parts = await Promise.all(loaders.map((loader) => loader.next(2)));
        assert.deepEqual(
          parts.flatMap((part) => Array.from(part)),
          Array.from(await alone.next(2 * worldSize)),
        );
        for (const loader of loaders) assert.deepEqual(loader.cursor, alone.cursor);
      }
    }
    assert.throws(() => open(data, "train", 1, undefined, { rank: 2, worldSize: 2 }), /rank 2 of 2/);
  });

  it("goes on where it was when the size of the batches changes, on any rank", async () => {
    for (const rank of [0, 1, 2]) {
      const loader = open(data, "train", 1, { epoch: 1, row: 0 }, { rank, worldSize: 3 });
      const alone = open(data, "train", 1, { epoch: 1, row: 0 });
      for (const count of [4, 1, 5, 1, 1, 3]) {
        const all = await alone.next(3 * count);
        assert.deepEqual(await loader.next(count), all.slice(rank * count * 8, (rank + 1) * count * 8));
      }
    }
  });

  it("reads one window ahead and no more, each row once, straight from the file", async () => {
    const reads = mock.method(PackedShardFile.prototype, "load");
    const loader = open(data, "train", 1);
    await loader.next(2);
    await loader.close();
    assert.deepEqual(
      reads.mock.calls.map(({ arguments: [row, count] }) => [row, count]),
      [
        [0, 5],
        [0, 3],
      ],
    );
    reads.mock.restore();
  });

  it("keeps the splits apart", async () => {
    assert.deepEqual(await take(open(data, "validation", 1), 4), [12, 13, 14, 15]);
  });
});

function withFirstShard(manifest: PackedManifest, change: Partial<PackedShard>): PackedManifest {
  const [first, ...others] = manifest.shards;
  return { ...manifest, shards: [{ ...first!, ...change }, ...others] };
}

describe("packed data", () => {
  const refuse = async (name: string, message: RegExp, damage: (folder: string) => Promise<unknown>) => {
    const folder = join(root, name);
    await makePackedFolder(folder);
    await damage(folder);
    const read = async () => {
      const loader = new RowLoader(await openPackedData(folder), "train", 1);
      try {
        await loader.next(1);
        await loader.next(4);
      } finally {
        await loader.close();
      }
    };
    await assert.rejects(read(), { name: "UserError", message });
  };
  const shard = (folder: string) => join(folder, "train-00000.arrow");
  const changed = (folder: string, change: Parameters<typeof makePackedFolder>[1]) =>
    makePackedFolder(folder, change);

  it("is refused when the folder was not made by pack", async () => {
    await assert.rejects(
      openPackedData(root),
      /manifest\.json: no such file; make the folder with `npm run pack`/,
    );
  });

  it("is refused when packing was not finished", () =>
    refuse("unfinished", /packing was not finished/, (folder) =>
      changed(folder, { change: (manifest) => ({ ...manifest, complete: false }) }),
    ));

  it("is refused when a shard was cut off or changed", async () => {
    await refuse("cut", /train-00000\.arrow: \d+ bytes, the manifest says/, async (folder) =>
      writeFile(shard(folder), (await readFile(shard(folder))).subarray(0, -9)),
    );
    await refuse("longer", /the manifest says/, (folder) => appendFile(shard(folder), "x"));
  });

  it("is refused when a bit of a row flipped, naming the row", () =>
    refuse(
      "flipped",
      /train-00000\.arrow row 3: its bytes are not those that were packed/,
      async (folder) => {
        const bytes = await readFile(shard(folder));
        const row = bytes.indexOf(Buffer.from(rowIds(3, 8, 40).buffer));
        bytes[row + 5]! ^= 1;
        await writeFile(shard(folder), bytes);
      },
    ));

  it("is refused when manifest and shard disagree", async () => {
    await refuse("rows", /train-00000\.arrow: 5 rows, the manifest says 6/, (folder) =>
      changed(folder, { change: (manifest) => withFirstShard(manifest, { rows: 6 }) }),
    );
    await refuse("length", /expected 9 tokens a row, found 8/, (folder) =>
      changed(folder, { change: (manifest) => ({ ...manifest, seqLen: 9 }) }),
    );
    await refuse("type", /is FixedSizeList\[8\]<Uint16>, expected FixedSizeList<uint32>\[8\]/, (folder) =>
      changed(folder, { change: (manifest) => ({ ...manifest, dtype: "uint32" }) }),
    );
    await refuse(
      "vocabulary",
      /train-00000\.arrow row 0: token id \d+ is outside the vocabulary of 10/,
      (folder) =>
        changed(folder, {
          change: (manifest) => ({ ...manifest, tokenizer: { ...manifest.tokenizer, vocabSize: 10 } }),
        }),
    );
  });

  it("is refused when a shard's name leads out of the folder", () =>
    refuse("outside", /shard \.\.\/train-00000\.arrow is not the name of a shard/, (folder) =>
      changed(folder, { change: (manifest) => withFirstShard(manifest, { file: "../train-00000.arrow" }) }),
    ));
});
