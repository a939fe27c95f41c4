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
export const MAX_LINE_BYTES = 1 << 28;

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
    /** Where the line begins, and where the whole lines before it that are not in the block yet. */
    let start = 0;
    let waiting = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const lineBytes = pendingBytes + end + 1 - start;
      if (lineBytes > maxLineBytes) {
        block.add(bytes.subarray(waiting, start));
        waiting = end + 1;
        yield block.finish(lineBytes);
      } else {
        for (const part of pending) block.add(part);
        block.lines += 1;
        if (block.bytes + end + 1 - waiting >= blockBytes) {
          block.add(bytes.subarray(waiting, end + 1));
          waiting = end + 1;
          yield block.finish();
        }
      }
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    block.add(bytes.subarray(waiting, start));
    if (start === bytes.length) continue;
    const tail = bytes.subarray(start);
    pendingBytes += tail.length;
    if (pendingBytes > maxLineBytes) pending = [];
    else pending.push(Buffer.from(tail)); // copied, since a source may reuse its chunk
  }
  if (pendingBytes > maxLineBytes) yield block.finish(pendingBytes);
  else if (pendingBytes > 0) {
    for (const part of pending) block.add(part);
    block.lines += 1;
  }
  if (block.lines > 0) yield block.finish();
}

/** Puts a block together in memory that is used again for the next. */
class BlockBuilder {
  /** Whole lines so far. */
  lines = 0;
  /** Bytes so far. */
  bytes = 0;
  #buffer: Uint8Array<ArrayBuffer>;
  #firstLine = 1;

  constructor(target: number) {
    this.#buffer = new Uint8Array(target + (target >> 2));
  }

  add(part: Uint8Array): void {
    if (this.bytes + part.length > this.#buffer.length) this.#grow(this.bytes + part.length);
    this.#buffer.set(part, this.bytes);
    this.bytes += part.length;
  }

  finish(oversizedBytes?: number): LineBlock {
    const block = {
      bytes: this.#buffer.slice(0, this.bytes),
      firstLine: this.#firstLine,
      lines: this.lines,
      ...(oversizedBytes === undefined ? {} : { oversizedBytes }),
    };
    this.#firstLine += this.lines + (oversizedBytes === undefined ? 0 : 1);
    this.bytes = 0;
    this.lines = 0;
    return block;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.bytes));
    this.#buffer = grown;
  }
}
