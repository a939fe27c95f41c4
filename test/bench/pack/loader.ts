import { createReadStream } from "node:fs";
import { join } from "node:path";
import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import { PackedShardFile } from "../../../tokenizer/pack/shards/packed-shard.ts";
import { writeShard } from "../../../tokenizer/pack/write-shards.ts";
import { RowLoader } from "../../../train/data/loader.ts";
import { openPackedData } from "../../../train/data/packed-data.ts";
import { makePackedFolder } from "../../train/packed-folder.ts";
import { rate, time } from "./measure.ts";

const SEQ_LEN = 2048;
const ROWS = 2 ** 18;
/** Published for the original: a row of 2048 tokens every 128 ms on one RTX 4090. */
const TRAINED_TOKENS_PER_SECOND = 15_943;

/** A 1 GiB shard in the page cache: how long opening takes, and how fast rows come in stored and in shuffled order. */
export async function benchLoader(folder: string): Promise<void> {
  const settings = { seqLen: SEQ_LEN, vocabSize: 31_980, trainShards: [1], validationRows: 0 };
  const manifest = await makePackedFolder(folder, settings);
  const [shard] = manifest.shards;
  const path = join(folder, shard!.file);
  const { rowsHash: _, ...record } = await writeShard([generateRows()], path, {
    seqLen: SEQ_LEN,
    wide: false,
    metadata: {},
  });
  for await (const _ of createReadStream(path)); // into the page cache
  const data = { ...(await openPackedData(folder)), shards: [{ ...shard!, ...record }] };
  const opening = await time(
    async () => (await PackedShardFile.open(folder, data, data.shards[0]!)).close(),
    5,
  );
  console.log(
    `opening the shard of ${formatBytes(record.bytes)}: ${(1000 * opening.wall).toFixed(1)} ms, best of 5`,
  );
  const results: string[][] = [];
  for (const epoch of [0, 1]) {
    for (const count of [1, 8, 64, 1024]) {
      const loader = new RowLoader(data, "train", 1, { epoch, row: 0 });
      await loader.next(count);
      const read = Math.floor(ROWS / 4 / count) * count;
      const cost = await time(async () => {
        for (let i = 0; i < read; i += count) await loader.next(count);
      }, 2);
      await loader.close();
      const microseconds = (1e6 * cost.cpu) / read;
      results.push([
        epoch === 0 ? "first, as stored" : "later, shuffled",
        String(count),
        (Number(rate(read * SEQ_LEN * 2, cost.wall)) / 1000).toFixed(2),
        (Number(rate(read * SEQ_LEN * 2, cost.cpu)) / 1000).toFixed(2),
        microseconds.toFixed(2),
        `${((100 * microseconds * TRAINED_TOKENS_PER_SECOND) / (1e6 * SEQ_LEN)).toFixed(4)} %`,
      ]);
    }
  }
  console.log(
    formatTable([
      ["pass", "rows a batch", "GB/s, wall", "GB/s, CPU", "CPU µs a row", "of a published step"],
      ...results,
    ]),
  );
}

function* generateRows(): Generator<Uint16Array<ArrayBuffer>> {
  const row = new Uint16Array(SEQ_LEN);
  for (let i = 0; i < ROWS; i++) {
    for (let j = 0; j < row.length; j++) row[j] = (i * 7 + j * 131) % 31_980;
    yield row;
  }
}
