import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import xxhash from "xxhash-wasm";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { exists } from "../../../pipeline/runtime/files.ts";
import { type ArrowLayout, readFully, readLayout } from "./arrow-layout.ts";
import { bytesOf, type RowHash, rowHasher } from "./ids.ts";
import { type PackedManifest, type PackedShard, rowHashesFile } from "./packed-manifest.ts";

/** What a reader must know of the folder a shard belongs to. */
type ShardFormat = Pick<PackedManifest, "seqLen" | "dtype" | "tokenizer">;

/** How a user mends a damaged shard. */
const REMEDY = "remove the folder and run `npm run pack` again, or copy the file anew";

/**
 * An open shard. Opening reads the headers of its record batches, not its rows; rows are read at their place in the
 * file, straight into the reader's memory, and each is compared with its stored hash and the vocabulary.
 */
export class PackedShardFile {
  readonly rows: number;
  /** What the shard says of itself. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #format: ShardFormat;
  readonly #layout: ArrowLayout;
  readonly #hashes: BigUint64Array;
  readonly #hashRow: RowHash;

  private constructor(
    path: string,
    handle: FileHandle,
    format: ShardFormat,
    layout: ArrowLayout,
    hashes: BigUint64Array,
    hashRow: RowHash,
  ) {
    this.#path = path;
    this.#handle = handle;
    this.#format = format;
    this.#layout = layout;
    this.#hashes = hashes;
    this.#hashRow = hashRow;
    this.rows = layout.rows;
    this.metadata = layout.metadata;
  }

  /** @throws UserError when the file is missing, cut off, or not what the manifest says */
  static async open(folder: string, format: ShardFormat, shard: PackedShard): Promise<PackedShardFile> {
    const path = join(folder, shard.file);
    if (!(await exists(path))) throw new UserError(`${path}: no such file, the manifest lists it; ${REMEDY}`);
    const hashes = await readRowHashes(folder, shard);
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      if (size !== shard.bytes)
        throw new UserError(`${path}: ${size} bytes, the manifest says ${shard.bytes}; ${REMEDY}`);
      const layout = await readLayout({ path, handle, size }, format, REMEDY);
      if (layout.rows !== shard.rows)
        throw new UserError(`${path}: ${layout.rows} rows, the manifest says ${shard.rows}; ${REMEDY}`);
      return new PackedShardFile(path, handle, format, layout, hashes, rowHasher(await xxhash()));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Fills `target`, `count` · seqLen ids, with the rows from number `row` on, and checks them.
   *
   * @throws UserError naming shard and row when a row is damaged or holds an id outside the vocabulary
   */
  async read(row: number, count: number, target: Uint16Array | Uint32Array): Promise<void> {
    const { seqLen } = this.#format;
    await this.load(row, count, target);
    for (let i = 0; i < count; i++) this.check(row + i, target.subarray(i * seqLen, (i + 1) * seqLen));
  }

  /** `read` without the checks. */
  async load(row: number, count: number, target: Uint16Array | Uint32Array): Promise<void> {
    const { seqLen } = this.#format;
    const { rowsPerBatch, positions } = this.#layout;
    for (let done = 0; done < count; ) {
      const batch = Math.floor((row + done) / rowsPerBatch);
      const inBatch = (row + done) % rowsPerBatch;
      const rows = Math.min(count - done, rowsPerBatch - inBatch);
      const bytes = bytesOf(target.subarray(done * seqLen, (done + rows) * seqLen));
      const position = positions[batch]! + inBatch * seqLen * target.BYTES_PER_ELEMENT;
      await readFully(this.#handle, this.#path, bytes, position);
      done += rows;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /**
   * Checks the ids of one row that was loaded.
   *
   * @throws UserError naming shard and row when it is damaged or holds an id outside the vocabulary
   */
  check(row: number, ids: Uint16Array | Uint32Array): void {
    const { vocabSize } = this.#format.tokenizer;
    if (this.#hashRow(ids) !== this.#hashes[row]) {
      throw new UserError(`${this.#path} row ${row}: its bytes are not those that were packed; ${REMEDY}`);
    }
    if (allBelow(ids, vocabSize)) return;
    const outside = ids.find((id) => id >= vocabSize);
    throw new UserError(
      `${this.#path} row ${row}: token id ${outside} is outside the vocabulary of ${vocabSize}; ${REMEDY}`,
    );
  }
}

/** Whether all ids are below `limit`. A wrong id would lead a backend outside its embeddings, so every row is looked at. */
function allBelow(ids: Uint16Array | Uint32Array, limit: number): boolean {
  const top = 0x8000;
  if (ids instanceof Uint16Array && limit <= top && ids.byteOffset % 4 === 0 && ids.length % 2 === 0) {
    // Two ids at once: the top bit of either half is set when its id is at least 2^15, or reaches it with top − limit.
    const pairs = new Int32Array(ids.buffer, ids.byteOffset, ids.length / 2);
    const bias = (top - limit) * 0x10001;
    let seen = 0;
    for (let i = 0; i < pairs.length; i++) seen |= pairs[i]! | (((pairs[i]! & 0x7fff7fff) + bias) | 0);
    return (seen & 0x80008000) === 0;
  }
  let largest = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i]! > largest) largest = ids[i]!;
  return largest < limit;
}

async function readRowHashes(folder: string, shard: PackedShard): Promise<BigUint64Array> {
  const path = join(folder, rowHashesFile(shard.file));
  if (!(await exists(path)))
    throw new UserError(`${path}: no such file, it came with ${shard.file}; ${REMEDY}`);
  const bytes = await readFile(path);
  if (createHash("sha256").update(bytes).digest("hex") !== shard.rowHashesSha256) {
    throw new UserError(`${path}: its content is not what the manifest says; ${REMEDY}`);
  }
  return new BigUint64Array(new Uint8Array(bytes).buffer); // copied to where 8-byte numbers may lie
}
