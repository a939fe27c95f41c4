import { createHash } from "node:crypto";
import { bytesOf, newIds } from "../../tokenizer/pack/shards/ids.ts";
import { readPackedManifest } from "../../tokenizer/pack/shards/packed-folder.ts";
import { PackedShardFile } from "../../tokenizer/pack/shards/packed-shard.ts";

/** For check_packed.py: the rows of each shard as our reader sees them, by the SHA-256 of all their ids. */
const [folder = "data/packed"] = process.argv.slice(2);
const manifest = await readPackedManifest(folder);
for (const shard of manifest.shards) {
  const file = await PackedShardFile.open(folder, manifest, shard);
  const hash = createHash("sha256");
  for (let row = 0; row < file.rows; row++) {
    const ids = newIds(manifest.seqLen, manifest.dtype === "uint32");
    await file.read(row, 1, ids);
    hash.update(bytesOf(ids));
  }
  await file.close();
  console.log(JSON.stringify({ file: shard.file, rows: file.rows, sha256: hash.digest("hex") }));
}
