import {
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  List,
  Message,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint16,
  Uint32,
} from "apache-arrow";
import { AtomicFile, type FileRecord } from "../../../pipeline/runtime/files.ts";
import type { TokenIds } from "../../engine/encoder.ts";
import { type DocumentMarks, documentStarts } from "./document-starts.ts";
import { newIds } from "./ids.ts";

/** The column of token ids of a packed shard. */
export const IDS_COLUMN = "input_ids";
/** The optional column of places where documents start. */
const STARTS_COLUMN = "document_starts";

/** Bytes of ids in a record batch: a reader that takes whole batches finds any row in one small read. */
const BATCH_BYTES = 2 << 20;

type Columns = Record<string, DataType>;

export interface ArrowRowOptions {
  readonly seqLen: number;
  /** 32-bit ids, for vocabularies above 65,536. */
  readonly wide: boolean;
  /** What shows where documents start; without it the file has no such column. */
  readonly documentMarks?: DocumentMarks;
  /** Goes into the schema, for readers that have no manifest. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Arrow's own writer (21.2), with two changes. The format has the schema twice, before the batches and in the footer, and
 * Arrow leaves the first out; with it the file is also a stream behind its first 8 bytes, and can be read without the
 * footer. And its bytes are handed over as they are made, since its queue is unbounded.
 */
class FileWriter extends RecordBatchFileWriter<Columns> {
  #parts: Uint8Array[] = [];

  /** What was written since the last call; views of the batches, not copies. */
  take(): Uint8Array[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  protected override _writeSchema(schema: Schema<Columns>): this {
    super._writeSchema(schema);
    return this._writeMessage(Message.from(schema));
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started && chunk.byteLength > 0) {
      this.#parts.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this._position += chunk.byteLength;
    }
    return this;
  }
}

/**
 * Writes rows of token ids as an Arrow IPC *file*: a column `input_ids: FixedSizeList<uint16 | uint32>[seqLen]` and, if
 * asked for, `document_starts: List<uint32>`; nothing nullable, uncompressed, buffers aligned to 8 bytes, so that
 * readers can map it.
 */
export class ArrowRowWriter {
  readonly #file: AtomicFile;
  readonly #options: ArrowRowOptions;
  readonly #schema: Schema<Columns>;
  readonly #writer = new FileWriter();
  /** The batch that is being filled, and one that is being written: memory that is used again and again. */
  #batch: TokenIds;
  #writtenBatch: TokenIds;
  #idsInBatch = 0;
  /** Settles when the last batch is in the file, or when writing failed. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: AtomicFile, options: ArrowRowOptions) {
    this.#file = file;
    this.#options = options;
    this.#schema = createSchema(options);
    this.#batch = newBatch(options);
    this.#writtenBatch = newBatch(options);
  }

  static async create(path: string, options: ArrowRowOptions): Promise<ArrowRowWriter> {
    return new ArrowRowWriter(await AtomicFile.create(path), options);
  }

  /**
   * Appends one row of exactly `seqLen` ids; it is copied.
   *
   * @returns what must be waited for before the next row, when this one filled a batch
   */
  write(row: TokenIds): Promise<void> | undefined {
    this.#batch.set(row, this.#idsInBatch);
    this.#idsInBatch += row.length;
    return this.#idsInBatch === this.#batch.length ? this.#flush() : undefined;
  }

  async commit(): Promise<FileRecord> {
    if (this.#idsInBatch > 0) await this.#flush();
    this.#writer.finish();
    await this.#writing;
    await this.#append(this.#writer.take());
    return await this.#file.commit();
  }

  async discard(): Promise<void> {
    await this.#writing.catch(() => undefined); // whoever writes or commits gets the failure
    await this.#file.discard();
  }

  /** Waits for the batch before, and begins to write this one while the next is filled. */
  async #flush(): Promise<void> {
    await this.#writing;
    const { seqLen, documentMarks } = this.#options;
    const ids = this.#batch.subarray(0, this.#idsInBatch);
    const rows = ids.length / seqLen;
    const [idsField, startsField] = this.#schema.fields;
    const children: Data[] = [listOfIds(idsField!.type as FixedSizeList, ids, rows)];
    if (documentMarks !== undefined) {
      children.push(listOfStarts(startsField!.type as List, ids, seqLen, documentMarks));
    }
    const struct = new Struct<Columns>(this.#schema.fields);
    const data = makeData({ type: struct, children, length: rows, nullCount: 0 });
    this.#writer.write(new RecordBatch(this.#schema, data));
    this.#writing = this.#append(this.#writer.take());
    this.#writing.catch(() => undefined);
    [this.#batch, this.#writtenBatch] = [this.#writtenBatch, this.#batch];
    this.#idsInBatch = 0;
  }

  async #append(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) await this.#file.write(part);
  }
}

function newBatch({ seqLen, wide }: ArrowRowOptions): TokenIds {
  const rows = Math.max(1, Math.floor(BATCH_BYTES / (seqLen * (wide ? 4 : 2))));
  return newIds(rows * seqLen, wide);
}

function createSchema({ seqLen, wide, documentMarks, metadata }: ArrowRowOptions): Schema<Columns> {
  const idType = wide ? new Uint32() : new Uint16();
  const fields: Field[] = [
    new Field(IDS_COLUMN, new FixedSizeList(seqLen, new Field("item", idType, false)), false),
  ];
  if (documentMarks !== undefined) {
    fields.push(new Field(STARTS_COLUMN, new List(new Field("item", new Uint32(), false)), false));
  }
  return new Schema<Columns>(fields, new Map(Object.entries(metadata)));
}

function listOfIds(type: FixedSizeList, ids: TokenIds, rows: number) {
  const item = type.valueType as Uint16 | Uint32;
  const child = makeData({ type: item, data: ids, length: ids.length, nullCount: 0 });
  return makeData({ type, child, length: rows, nullCount: 0 });
}

function listOfStarts(type: List, ids: TokenIds, seqLen: number, marks: DocumentMarks) {
  const starts: number[] = [];
  const offsets = [0];
  for (let row = 0; row < ids.length; row += seqLen) {
    starts.push(...documentStarts(ids.subarray(row, row + seqLen), marks));
    offsets.push(starts.length);
  }
  const data = Uint32Array.from(starts);
  const child = makeData({ type: type.valueType as Uint32, data, length: data.length, nullCount: 0 });
  const valueOffsets = Int32Array.from(offsets);
  return makeData({ type, child, valueOffsets, length: offsets.length - 1, nullCount: 0 });
}
