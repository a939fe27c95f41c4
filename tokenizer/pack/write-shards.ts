import { join } from "node:path";
import xxhash from "xxhash-wasm";
import { z } from "zod";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { type FreeBytes, requireSpace } from "../../pipeline/runtime/disk-space.ts";
import { exists, writeFileAtomic } from "../../pipeline/runtime/files.ts";
import { readJson, writeJson } from "../../pipeline/runtime/manifest.ts";
import type { TokenIds } from "../engine/encoder.ts";
import type { ShuffledRows } from "./rows/shuffled-rows.ts";
import { type ArrowRowOptions, ArrowRowWriter } from "./shards/arrow-rows.ts";
import { addHashes, formatHash, rowHasher } from "./shards/ids.ts";
import { type PackedShard, rowHashesFile, type Split } from "./shards/packed-manifest.ts";

export interface ShardTarget {
  readonly out: string;
  /** Folder for marks of finished shards. */
  readonly work: string;
  readonly split: Split;
  /** Bytes of ids after which a shard is closed. */
  readonly shardBytes: number;
  readonly arrow: Omit<ArrowRowOptions, "metadata">;
  /** Goes into every shard's schema, beside what is said of the shard itself. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly freeBytes: FreeBytes;
}

const markSchema = z.strictObject({
  rows: z.number(),
  bytes: z.number(),
  sha256: z.string(),
  rowHashesSha256: z.string(),
  rowsHash: z.string(),
});

/** Shards of a split, and the hash of all their rows. */
export interface WrittenShards {
  readonly shards: readonly PackedShard[];
  readonly rowsHash: string;
}

export const shardRows = (shardBytes: number, seqLen: number, wide: boolean): number =>
  Math.max(1, Math.floor(shardBytes / (seqLen * (wide ? 4 : 2))));

/** The rows of a split in their final order, cut into shards; finished shards are passed over. */
export async function writeShards(
  rows: ShuffledRows,
  target: ShardTarget,
  { progress, signal }: JobContext,
): Promise<WrittenShards> {
  const { out, work, split, shardBytes, arrow } = target;
  const perShard = shardRows(shardBytes, arrow.seqLen, arrow.wide);
  const task = progress.start({ label: `writing ${split}`, unit: "rows", total: rows.rows });
  const shards: PackedShard[] = [];
  let rowsHash = 0n;
  for (let from = 0; from < rows.rows; from += perShard) {
    signal.throwIfAborted();
    const to = Math.min(from + perShard, rows.rows);
    const file = `${split}-${String(shards.length).padStart(5, "0")}.arrow`;
    const mark = join(work, `${file}.json`);
    if (!(await exists(mark))) {
      const needed = (rows.rows - from) * arrow.seqLen * (arrow.wide ? 4 : 2);
      await requireSpace(out, needed, `the ${split} shards from ${file} on`, target.freeBytes);
      const metadata = { ...target.metadata, "apt3.rows": String(to - from) };
      await writeJson(mark, await writeShard(rows.read(from, to), join(out, file), { ...arrow, metadata }));
    }
    const { rowsHash: shardHash, ...record } = await readJson(mark, markSchema);
    rowsHash = addHashes(rowsHash, BigInt(`0x${shardHash}`));
    shards.push({ file, split, ...record });
    task.advance(to - from);
  }
  task.done();
  return { shards, rowsHash: formatHash(rowsHash) };
}

/**
 * Writes one shard and, beside it, the hash of each of its rows.
 *
 * @param parts rows, as many at a time as there are without waiting
 */
export async function writeShard(
  parts: AsyncIterable<Iterable<TokenIds>> | Iterable<Iterable<TokenIds>>,
  path: string,
  options: ArrowRowOptions,
): Promise<z.infer<typeof markSchema>> {
  const hashRow = rowHasher(await xxhash());
  let hashes = new BigUint64Array(1 << 10);
  let count = 0;
  const writer = await ArrowRowWriter.create(path, options);
  try {
    for await (const rows of parts) {
      for (const row of rows) {
        if (count === hashes.length) hashes = grown(hashes);
        hashes[count++] = hashRow(row);
        const filled = writer.write(row);
        if (filled !== undefined) await filled;
      }
    }
    const { bytes, sha256 } = await writer.commit();
    const sidecar = await writeFileAtomic(rowHashesFile(path), new Uint8Array(hashes.buffer, 0, 8 * count));
    return {
      rows: count,
      bytes,
      sha256,
      rowHashesSha256: sidecar.sha256,
      rowsHash: formatHash(hashes.reduce(addHashes, 0n)), // those behind the last row are 0
    };
  } finally {
    await writer.discard();
  }
}

function grown(hashes: BigUint64Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  const larger = new BigUint64Array(2 * hashes.length);
  larger.set(hashes);
  return larger;
}
