import {
  Field,
  FixedSizeList,
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

/** The one column of a packed shard. */
const COLUMN = "input_ids";

/** Rows a record batch: about 2 MB at 2048 tokens, so that a reader finds any row in one small read. */
const ROWS_PER_BATCH = 512;

type Columns = { [COLUMN]: FixedSizeList<Uint16 | Uint32> };

export interface ArrowRowOptions {
  readonly seqLen: number;
  /** 32-bit ids, for vocabularies above 65,536. */
  readonly wide: boolean;
  /** Goes into the schema, for readers that have no manifest. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes rows of token ids as an Arrow IPC *file*: one column `input_ids: FixedSizeList<uint16 | uint32>[seqLen]`,
 * nothing nullable, uncompressed, buffers aligned to 8 bytes, so that readers can map it.
 */
export class ArrowRowWriter {
  rows = 0;
  readonly #file: AtomicFile;
  readonly #options: ArrowRowOptions;
  readonly #schema: Schema<Columns>;
  readonly #writer = new RecordBatchFileWriter<Columns>();
  /** Settles when the writer's last byte is in the file, or when writing failed. */
  readonly #drained: Promise<void>;
  #drainedBytes = 0;
  #wake: (() => void) | undefined;
  #batch: TokenIds;
  #rowsInBatch = 0;

  private constructor(file: AtomicFile, options: ArrowRowOptions) {
    this.#file = file;
    this.#options = options;
    const list = new FixedSizeList(options.seqLen, new Field("item", idType(options.wide), false));
    this.#schema = new Schema([new Field(COLUMN, list, false)], new Map(Object.entries(options.metadata)));
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
    if (this.#rowsInBatch === ROWS_PER_BATCH) await this.#flush();
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
    const { seqLen, wide } = this.#options;
    const ids = this.#batch.subarray(0, this.#rowsInBatch * seqLen);
    const child = makeData({ type: idType(wide), data: ids, length: ids.length, nullCount: 0 });
    const [field] = this.#schema.fields;
    const list = makeData({ type: field!.type, child, length: this.#rowsInBatch, nullCount: 0 });
    const struct = new Struct<Columns>(this.#schema.fields);
    const data = makeData({ type: struct, children: [list], length: this.#rowsInBatch, nullCount: 0 });
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
    return wide ? new Uint32Array(ROWS_PER_BATCH * seqLen) : new Uint16Array(ROWS_PER_BATCH * seqLen);
  }
}

const idType = (wide: boolean): Uint16 | Uint32 => (wide ? new Uint32() : new Uint16());
