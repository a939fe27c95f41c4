import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { DataType, Message, type Schema } from "apache-arrow";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { IDS_COLUMN } from "./arrow-rows.ts";
import type { PackedManifest } from "./packed-manifest.ts";

/** Bytes read at each message: its length and its metadata, under 300 bytes for a batch. */
const HEADER_BYTES = 512;
/** The file's first message lies behind `ARROW1` and two zeros. */
const MAGIC_BYTES = 8;
/** Buffers end at a multiple of 8 or, as the format recommends, 64 bytes. */
const MAX_PADDING = 63;
/** What every message begins with. */
const CONTINUATION = -1;

/** The type of the ids. */
type IdFormat = Pick<PackedManifest, "seqLen" | "dtype">;

/** What the headers of a packed file say: where the ids of each record batch begin. */
export interface ArrowLayout {
  /** The schema's metadata. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly rows: number;
  readonly rowsPerBatch: number;
  readonly positions: readonly number[];
}

export interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly size: number;
}

/**
 * Walks the messages of an Arrow file: the schema, then batches of equal size (the last may be smaller).
 *
 * @param remedy what the user can do about a damaged file
 * @throws UserError when the file is damaged, or its ids have another type or row length
 */
export async function readLayout(
  { path, handle, size }: OpenFile,
  format: IdFormat,
  remedy: string,
): Promise<ArrowLayout> {
  const damaged = (what: string) => new UserError(`${path}: not a packed Arrow file (${what}); ${remedy}`);
  const header = Buffer.alloc(HEADER_BYTES);
  let schema: Schema | undefined;
  const positions: number[] = [];
  let rows = 0;
  let rowsPerBatch = 0;
  for (let position = MAGIC_BYTES; ; ) {
    // A shard of 1 GiB has 512 batches; through the thread pool each tiny read would take 40 µs, this way 2.
    const bytesRead = readSync(handle.fd, header, 0, HEADER_BYTES, position);
    if (bytesRead < 8 || header.readInt32LE(0) !== CONTINUATION)
      throw damaged(`no message at byte ${position}`);
    const length = header.readInt32LE(4);
    if (length === 0) break; // the end of the batches; the footer repeats what we have seen
    if (length < 0 || position + 8 + length > size) throw damaged(`bad message at byte ${position}`);
    let metadata = header.subarray(8, 8 + length);
    if (metadata.length < length) {
      metadata = Buffer.alloc(length);
      await readFully(handle, path, metadata, position + 8);
    }
    const message = decodeMessage(metadata);
    if (message === undefined) throw damaged(`unreadable message at byte ${position}`);
    const body = position + 8 + length;
    if (message.isSchema()) {
      schema = message.header();
      checkType(path, schema, format);
    } else if (message.isRecordBatch()) {
      const batch = message.header();
      const ids = batch.buffers[2]; // behind the two (empty) validity buffers of the list and its items
      const bytes = batch.length * format.seqLen * (format.dtype === "uint16" ? 2 : 4);
      if (batch.nodes.some(({ nullCount }) => nullCount > 0)) throw damaged("it has empty rows");
      const padding = (ids?.length ?? 0) - bytes; // writers may count the bytes that fill up to an aligned end
      if (schema === undefined || ids === undefined || padding < 0 || padding > MAX_PADDING)
        throw damaged(`bad batch ${positions.length}`);
      if (rows !== positions.length * rowsPerBatch) throw damaged("its batches differ in size");
      rowsPerBatch ||= batch.length;
      positions.push(body + ids.offset);
      rows += batch.length;
    }
    position = body + message.bodyLength;
    if (position > size) throw damaged("its last batch is cut off");
  }
  if (schema === undefined) throw damaged("it has no schema");
  return { metadata: schema.metadata, rows, rowsPerBatch, positions };
}

function decodeMessage(bytes: Uint8Array): Message | undefined {
  try {
    return Message.decode(bytes);
  } catch {
    return undefined;
  }
}

function checkType(path: string, { fields }: Schema, { seqLen, dtype }: IdFormat): void {
  const type: unknown = fields[0]?.type;
  const expected = `expected FixedSizeList<${dtype}>[${seqLen}]`;
  if (fields[0]?.name !== IDS_COLUMN || !DataType.isFixedSizeList(type)) {
    throw new UserError(
      `${path}: its first column is ${fields[0] ?? "missing"}, ${expected} named ${IDS_COLUMN}`,
    );
  }
  if (type.listSize !== seqLen)
    throw new UserError(`${path}: expected ${seqLen} tokens a row, found ${type.listSize}`);
  if (String(type.valueType).toLowerCase() !== dtype)
    throw new UserError(`${path}: column ${IDS_COLUMN} is ${type}, ${expected}`);
}

/** Fills `target` with the bytes from `position` on. */
export async function readFully(
  handle: FileHandle,
  path: string,
  target: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new UserError(`${path}: cut off at byte ${position + done}`);
    done += bytesRead;
  }
}
