import Bzip2 from "@foxglove/wasm-bz2";
import { ByteQueue } from "./byte-queue.ts";
import { CorruptInput } from "./corrupt-input.ts";

/** A block begins with the digits of π, a stream ends with those of its square root: 48 bits at any bit. */
const BLOCK_MAGIC = 0x314159265359n;
const END_MAGIC = 0x177245385090n;
/** A level-9 block has at most 900,000 bytes before its first run-length coding, which grows 5 to 259 bytes. */
const MAX_BLOCK_BYTES = Math.ceil((900_000 * 259) / 5);
/** No block is larger compressed: 900,000 symbols of at most 20 bits. */
const MAX_COMPRESSED_BYTES = 2_300_000;

/**
 * Decompresses a bzip2 file of any number of streams, as dumps of Wikipedia are, block by block with bounded
 * memory; the checksum of every block and stream is checked.
 *
 * The library (the original bzip2 as WebAssembly) takes whole streams only, so we find where each block ends,
 * which is where the next 48-bit magic stands, and hand it over as a stream of its own. That 48 bits of data
 * look like a magic happens once in 14,000 files of the size of the Polish dump (2.6 GB) and would then show
 * as a damaged block.
 *
 * @throws CorruptInput with the byte offset when the file is cut off, damaged, or not bzip2
 */
export async function* decompressBzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const library = await initLibrary();
  const input = new ByteQueue(source, "bzip2");
  do {
    const start = input.offset;
    const header = await input.peek(4, "header");
    if (!/^BZh[1-9]$/.test(header.toString("latin1", 0, 4)))
      throw new CorruptInput(`not a bzip2 stream at byte ${start}`);
    input.drop(4);
    yield* streamBlocks(input, library);
  } while (await input.has(1));
}

/** The blocks of the stream whose header was just read. */
async function* streamBlocks(input: ByteQueue, library: Bzip2): AsyncGenerator<Uint8Array> {
  let streamChecksum = 0;
  let bit = 0;
  for (;;) {
    const head = await input.peek(Math.ceil((bit + 80) / 8), "block");
    const magic = bitsAt(head, bit, 48);
    const checksum = Number(bitsAt(head, bit + 48, 32));
    if (magic === END_MAGIC) {
      if (checksum !== streamChecksum)
        throw new CorruptInput(`wrong checksum of the bzip2 stream that ends at byte ${input.offset}`);
      input.drop(Math.ceil((bit + 80) / 8));
      return;
    }
    if (magic !== BLOCK_MAGIC) throw new CorruptInput(`damaged bzip2 block at byte ${input.offset}`);
    const end = await findMagic(input, bit + 80);
    yield decompressBlock(library, input, { from: bit, to: end, checksum });
    streamChecksum = (((streamChecksum << 1) | (streamChecksum >>> 31)) ^ checksum) >>> 0;
    input.drop(end >> 3);
    bit = end & 7;
  }
}

/** A block as a stream of its own: header, the block's bits, end magic and the checksum of this one block. */
function decompressBlock(
  library: Bzip2,
  input: ByteQueue,
  { from, to, checksum }: { from: number; to: number; checksum: number },
): Uint8Array {
  const bits = to - from;
  const stream = Buffer.alloc(4 + Math.ceil((bits + 80) / 8));
  stream.write("BZh9", "latin1");
  for (let i = 0; i < bits >> 3; i++) stream[4 + i] = ((input.head.readUInt16BE(i) << from) >> 8) & 0xff;
  const restBits = bits & 7;
  const rest = restBits === 0 ? 0n : bitsAt(input.head, from + bits - restBits, restBits);
  const tail = (((rest << 48n) | END_MAGIC) << 32n) | BigInt(checksum);
  const tailBytes = Math.ceil((restBits + 80) / 8);
  const padded = tail << BigInt(tailBytes * 8 - restBits - 80);
  stream.write(padded.toString(16).padStart(tailBytes * 2, "0"), 4 + (bits >> 3), "hex");
  try {
    return library.decompress(stream, MAX_BLOCK_BYTES);
  } catch (error) {
    const why = /\((\w+)\)/.exec(error instanceof Error ? error.message : "")?.[1] ?? String(error);
    throw new CorruptInput(`damaged bzip2 block at byte ${input.offset} (${why})`);
  }
}

/** `count` bits from bit `from` of `bytes`. */
function bitsAt(bytes: Buffer, from: number, count: number): bigint {
  const first = from >> 3;
  const length = Math.ceil(((from & 7) + count) / 8);
  const value = BigInt(`0x${bytes.toString("hex", first, first + length)}`);
  return (value >> BigInt(length * 8 - (from & 7) - count)) & ((1n << BigInt(count)) - 1n);
}

/** The five whole bytes inside a magic that begins at each of the eight bits of a byte, to search for. */
const PATTERNS = [BLOCK_MAGIC, END_MAGIC].flatMap((magic) =>
  Array.from({ length: 8 }, (_, shift) => {
    const inner = (magic >> BigInt(shift)) & 0xff_ffff_ffffn;
    return { magic, shift, bytes: Buffer.from(inner.toString(16).padStart(10, "0"), "hex") };
  }),
);

/** The bit of `input.head` where the next magic begins, at `from` or behind. */
async function findMagic(input: ByteQueue, from: number): Promise<number> {
  let searched = from >> 3;
  for (;;) {
    const { head } = input;
    let found = Number.POSITIVE_INFINITY;
    for (const { magic, shift, bytes } of PATTERNS) {
      for (let at = head.indexOf(bytes, searched); at >= 0; at = head.indexOf(bytes, at + 1)) {
        // the pattern holds bits 8-shift … 48-shift of the magic
        const bit = (at - 1) * 8 + shift;
        if (bit < from || (bit + 48) >> 3 >= head.length) continue;
        if (bit < found && bitsAt(head, bit, 48) === magic) found = bit;
        break;
      }
    }
    if (found < Number.POSITIVE_INFINITY) return found;
    if (head.length > MAX_COMPRESSED_BYTES)
      throw new CorruptInput(`damaged bzip2 block at byte ${input.offset}`);
    searched = Math.max(from >> 3, head.length - 8);
    if (!(await input.more())) throw input.cutOff("block");
  }
}

let loading: Promise<Bzip2> | undefined;

/** Loads the library, without the handlers of failures that its loader puts on the whole process. */
async function initLibrary(): Promise<Bzip2> {
  loading ??= load();
  return await loading;
}

async function load(): Promise<Bzip2> {
  const exceptions = process.listeners("uncaughtException");
  const rejections = process.listeners("unhandledRejection");
  const library = await Bzip2.init();
  for (const listener of process.listeners("uncaughtException"))
    if (!exceptions.includes(listener)) process.off("uncaughtException", listener);
  for (const listener of process.listeners("unhandledRejection"))
    if (!rejections.includes(listener)) process.off("unhandledRejection", listener);
  return library;
}
