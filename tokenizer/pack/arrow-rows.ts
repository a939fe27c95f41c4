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
import { AtomicFile, type FileRecord } from "../../pipeline/runtime/files.ts";
import type { TokenIds } from "../engine/encoder.ts";
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
 * The format has the schema twice, before the batches and in the footer; Arrow's own writer (21.2) leaves the first
 * out. With it the file is also a stream behind its first 8 bytes, and can be read without the footer.
 */
class FileWriter extends RecordBatchFileWriter<Columns> {
  protected override _writeSchema(schema: Schema<Columns>): this {
    super._writeSchema(schema);
    return this._writeMessage(Message.from(schema));
  }
}

/**
 * Writes rows of token ids as an Arrow IPC *file*: a column `input_ids: FixedSizeList<uint16 | uint32>[seqLen]` and, if
 * asked for, `document_starts: List<uint32>`; nothing nullable, uncompressed, buffers aligned to 8 bytes, so that
 * readers can map it.
 */
export class ArrowRowWriter {
  rows = 0;
  readonly #file: AtomicFile;
  readonly #options: ArrowRowOptions;
  readonly #schema: Schema<Columns>;
  readonly #writer = new FileWriter();
  /** Settles when the writer's last byte is in the file, or when writing failed. */
  readonly #drained: Promise<void>;
  #drainedBytes = 0;
  #wake: (() => void) | undefined;
  #batch: TokenIds;
  #rowsInBatch = 0;

  private constructor(file: AtomicFile, options: ArrowRowOptions) {
    this.#file = file;
    this.#options = options;
    this.#schema = createSchema(options);
    this.#batch = this.#newBatch();
    this.#drained = this.#drain();
    this.#drained.catch(() => undefined); // reported by whoever writes or commits next
  }

  static async create(path: string, options: ArrowRowOptions): Promise<ArrowRowWriter> {
    return new ArrowRowWriter(await AtomicFile.create(path), options);
  }

  /** Appends one row of exactly `seqLen` ids; it is copied. */
  async write(row: TokenIds): Promise<void> {
    this.#batch.set(row, this.#rowsInBatch * this.#options.seqLen);
    this.#rowsInBatch += 1;
    this.rows += 1;
    if (this.#rowsInBatch * this.#options.seqLen === this.#batch.length) await this.#flush();
  }

  async commit(): Promise<FileRecord> {
    if (this.#rowsInBatch > 0) await this.#flush();
    this.#writer.finish();
    await this.#drained;
    return await this.#file.commit();
  }

  async discard(): Promise<void> {
    this.#writer.abort();
    await this.#drained.catch(() => undefined);
    await this.#file.discard();
  }

  /** Hands the batch to Arrow's writer and waits until it has gone to the file: the writer's queue is unbounded. */
  async #flush(): Promise<void> {
    const { seqLen, documentMarks } = this.#options;
    const rows = this.#rowsInBatch;
    const ids = this.#batch.subarray(0, rows * seqLen);
    const [idsField, startsField] = this.#schema.fields;
    const children: Data[] = [listOfIds(idsField!.type as FixedSizeList, ids, rows)];
    if (documentMarks !== undefined) {
      children.push(listOfStarts(startsField!.type as List, ids, seqLen, documentMarks));
    }
    const struct = new Struct<Columns>(this.#schema.fields);
    const data = makeData({ type: struct, children, length: rows, nullCount: 0 });
    this.#writer.write(new RecordBatch(this.#schema, data));
    const payload = this.rows * seqLen * ids.BYTES_PER_ELEMENT;
    while (this.#drainedBytes < payload) {
      await Promise.race([this.#drained, new Promise<void>((resolve) => (this.#wake = resolve))]);
    }
    this.#batch = this.#newBatch();
    this.#rowsInBatch = 0;
  }

  async #drain(): Promise<void> {
    for await (const chunk of this.#writer) {
      await this.#file.write(chunk);
      this.#drainedBytes += chunk.length;
      this.#wake?.();
    }
  }

  #newBatch(): TokenIds {
    const { seqLen, wide } = this.#options;
    const rows = Math.max(1, Math.floor(BATCH_BYTES / (seqLen * (wide ? 4 : 2))));
    return newIds(rows * seqLen, wide);
  }
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
