const NEWLINE = 10;

/** Some whole lines of a text file, each ended by a newline (the file's last may lack it). */
export interface LineBlock {
  /** The bytes, in a buffer of their own that may be transferred to a worker. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Number of the first line, counted from 1. */
  readonly firstLine: number;
  /** How many lines are in `bytes`. */
  readonly lines: number;
  /** Bytes of the line after these, when it was over the limit and left out without being held in memory. */
  readonly oversizedBytes?: number;
}

export interface LineBlockOptions {
  /** A block ends with the first line that reaches this many bytes. */
  readonly blockBytes?: number;
  /** A longer line is left out, ends its block and is counted as `oversizedBytes`. */
  readonly maxLineBytes?: number;
}

/** Large enough to make messages between threads cheap, small enough that a dozen in flight cost little. */
const BLOCK_BYTES = 1 << 20;
/** A 100 MB document is possible (a whole encyclopaedia volume), a gigabyte in one line is an attack. */
const MAX_LINE_BYTES = 1 << 28;

/**
 * Cuts a byte stream into blocks of whole lines. Where a block ends depends on the content alone, not on how
 * the stream was chunked, so that work counted in blocks can be repeated exactly.
 */
export async function* readLineBlocks(
  source: AsyncIterable<Uint8Array>,
  { blockBytes = BLOCK_BYTES, maxLineBytes = MAX_LINE_BYTES }: LineBlockOptions = {},
): AsyncGenerator<LineBlock> {
  const block = new BlockBuilder(blockBytes);
  /** Bytes of the current line that an earlier chunk brought; their number even when they are not kept. */
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;

  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const rest = bytes.subarray(start, end + 1);
      start = end + 1;
      const lineBytes = pendingBytes + rest.length;
      if (lineBytes > maxLineBytes) yield block.finish(lineBytes);
      else block.addLine([...pending, rest]);
      pending = [];
      pendingBytes = 0;
      if (block.isFull) yield block.finish();
    }
    if (start === bytes.length) continue;
    const tail = bytes.subarray(start);
    pendingBytes += tail.length;
    if (pendingBytes > maxLineBytes) pending = [];
    else pending.push(Buffer.from(tail)); // copied, since a source may reuse its chunk
  }
  if (pendingBytes > maxLineBytes) yield block.finish(pendingBytes);
  else if (pendingBytes > 0) block.addLine(pending);
  if (!block.isEmpty) yield block.finish();
}

class BlockBuilder {
  readonly #target: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;
  #firstLine = 1;
  #lines = 0;

  constructor(target: number) {
    this.#target = target;
    this.#buffer = new Uint8Array(target + (target >> 2));
  }

  get isFull(): boolean {
    return this.#length >= this.#target;
  }

  get isEmpty(): boolean {
    return this.#lines === 0;
  }

  addLine(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (this.#length + part.length > this.#buffer.length) this.#grow(this.#length + part.length);
      this.#buffer.set(part, this.#length);
      this.#length += part.length;
    }
    this.#lines += 1;
  }

  finish(oversizedBytes?: number): LineBlock {
    const block = {
      bytes: this.#buffer.slice(0, this.#length),
      firstLine: this.#firstLine,
      lines: this.#lines,
      ...(oversizedBytes === undefined ? {} : { oversizedBytes }),
    };
    this.#firstLine += this.#lines + (oversizedBytes === undefined ? 0 : 1);
    this.#length = 0;
    this.#lines = 0;
    return block;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
