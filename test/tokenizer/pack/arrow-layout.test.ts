import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { readLayout } from "../../../tokenizer/pack/shards/arrow-layout.ts";
import { writeShard } from "../../../tokenizer/pack/write-shards.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();

it("the ids of every batch lie at a multiple of 8 bytes, whatever the length of rows", async () => {
  const seqLen = 1001;
  const row = new Uint16Array(seqLen).fill(5);
  row[500] = 2;
  for (const marked of [false, true]) {
    const path = join(root, `marked-${marked}.arrow`);
    const documentMarks = { bosId: 1, eosId: 2, padId: 3 };
    const options = { seqLen, wide: false, metadata: {}, ...(marked ? { documentMarks } : {}) };
    await writeShard([new Array(2500).fill(row)], path, options);
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      const layout = await readLayout({ path, handle, size }, { seqLen, dtype: "uint16" }, "");
      assert.equal(layout.rows, 2500);
      assert.equal(layout.positions.length, 3);
      assert.deepEqual(
        layout.positions.map((position) => position % 8),
        [0, 0, 0],
      );
    } finally {
      await handle.close();
    }
  }
});
