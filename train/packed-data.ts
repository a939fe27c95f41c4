import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataType, tableFromIPC, type Vector } from "apache-arrow";
import { UserError } from "../pipeline/runtime/errors.ts";
import { exists } from "../pipeline/runtime/files.ts";
import { readJson } from "../pipeline/runtime/manifest.ts";
import {
  type PackedManifest,
  type PackedShard,
  packedManifestSchema,
  type Split,
} from "../tokenizer/pack/packed-manifest.ts";

/** A folder of packed rows as its manifest describes it. */
export interface PackedData extends PackedManifest {
  readonly folder: string;
}

/** Ids of one shard, as wide as the vocabulary needs. */
export type TokenRows = Uint16Array | Uint32Array;

/** Reads a packed folder's manifest. Shards are checked when they are read. */
export async function openPackedData(folder: string): Promise<PackedData> {
  const path = join(folder, "manifest.json");
  if (!(await exists(path))) {
    throw new UserError(
      `${path}: no such file; make the folder with \`npm run pack\` or give another --data`,
    );
  }
  const manifest = await readJson(path, packedManifestSchema);
  if (!manifest.complete)
    throw new UserError(`${folder}: packing was not finished; run \`npm run pack\` again`);
  // A manifest made elsewhere must not lead out of its folder.
  const outside = manifest.shards.find(({ file }) => basename(file) !== file || file === "..");
  if (outside !== undefined) throw new UserError(`${path}: shard ${outside.file} is not a file name`);
  return { ...manifest, folder };
}

/** The shards of a split, in their stored order. */
export const shardsOf = ({ shards }: PackedData, split: Split): PackedShard[] =>
  shards.filter((shard) => shard.split === split);

/** Rows of a split. */
export const rowsOf = (data: PackedData, split: Split): number =>
  shardsOf(data, split).reduce((sum, { rows }) => sum + rows, 0);

/**
 * Reads a whole shard after comparing it with its manifest.
 *
 * @returns rows · seqLen token ids
 * @throws UserError when the file is not what the manifest says, or an id is outside the vocabulary
 */
export async function readShard(
  { folder, seqLen, dtype, tokenizer: { vocabSize } }: PackedData,
  shard: PackedShard,
): Promise<TokenRows> {
  const path = join(folder, shard.file);
  const remedy = "run `npm run pack` again";
  const bytes = await readFile(path);
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== shard.sha256) {
    throw new UserError(
      `${path}: ${bytes.length} bytes with sha256 ${hash.slice(0, 12)}…, the manifest says ${shard.bytes} with ${shard.sha256.slice(0, 12)}…; ${remedy}`,
    );
  }
  const ids = tokenIds(path, bytes, seqLen, dtype);
  if (ids.length !== shard.rows * seqLen) {
    throw new UserError(`${path}: ${ids.length / seqLen} rows, the manifest says ${shard.rows}; ${remedy}`);
  }
  const foreign = ids.findIndex((id) => id >= vocabSize);
  if (foreign >= 0) {
    const row = Math.floor(foreign / seqLen);
    throw new UserError(
      `${path} row ${row}: token id ${ids[foreign]} is outside the vocabulary of ${vocabSize}; ${remedy}`,
    );
  }
  return ids;
}

/** The ids of the column `input_ids`, all rows in one array. */
function tokenIds(path: string, bytes: Uint8Array, seqLen: number, dtype: PackedData["dtype"]): TokenRows {
  const column = readColumn(path, bytes);
  const { type } = column;
  const expected = `expected FixedSizeList<${dtype}>[${seqLen}]`;
  if (!DataType.isFixedSizeList(type))
    throw new UserError(`${path}: column input_ids is ${type}, ${expected}`);
  if (type.listSize !== seqLen) {
    throw new UserError(`${path}: expected ${seqLen} tokens a row, found ${type.listSize}`);
  }
  if (column.nullCount > 0)
    throw new UserError(`${path}: column input_ids has ${column.nullCount} empty rows`);
  const Ids = dtype === "uint16" ? Uint16Array : Uint32Array;
  const ids = new Ids(column.length * seqLen);
  let offset = 0;
  for (const data of column.data) {
    const values: unknown = data.children[0]?.values;
    if (!(values instanceof Ids)) throw new UserError(`${path}: column input_ids is ${type}, ${expected}`);
    ids.set(values.subarray(0, data.length * seqLen), offset);
    offset += data.length * seqLen;
  }
  return ids;
}

function readColumn(path: string, bytes: Uint8Array): Vector {
  let column: Vector | null;
  try {
    column = tableFromIPC(bytes).getChild("input_ids");
  } catch (error) {
    throw new UserError(`${path}: not an Arrow file (${error instanceof Error ? error.message : error})`);
  }
  if (column === null) throw new UserError(`${path}: has no column input_ids`);
  return column;
}
