import { MAX_LINE_BYTES } from "../../../pipeline/readers/lines.ts";
import type { BlockPool } from "./block-pool.ts";

const NEWLINE = 10;

/** Whole lines of a large file. */
export interface LinesOfUnit {
  readonly lines: Uint8Array<SharedArrayBuffer>;
  /** Lines among or behind them that were left out, each too long to be held in memory. */
  readonly oversizedLines: number;
}

/**
 * Cuts a stream into as many whole lines as fit a block, a longer line being alone with what follows it in a larger
 * one. The bytes are copied once, to where the workers read them. Where a unit ends depends on the content alone.
 *
 * @param maxLineBytes a longer line is left out and counted
 */
export async function* cutLines(
  source: AsyncIterable<Uint8Array>,
  blocks: BlockPool,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<LinesOfUnit> {
  let block = blocks.take();
  let length = 0;
  let oversizedLines = 0;
  /** Inside a line that is left out. */
  let skipping = false;
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let from = 0; from < bytes.length; ) {
      if (skipping) {
        const newline = bytes.indexOf(NEWLINE, from);
        skipping = newline < 0;
        from = skipping ? bytes.length : newline + 1;
        continue;
      }
      if (length < block.length) {
        const part = bytes.subarray(from, from + block.length - length);
        block.set(part, length);
        length += part.length;
        from += part.length;
        continue;
      }
      const whole = block.lastIndexOf(NEWLINE) + 1;
      if (whole > 0) {
        const lines = block.subarray(0, whole);
        const rest = block.subarray(whole);
        block = blocks.take(rest.length);
        block.set(rest);
        length = rest.length;
        yield { lines, oversizedLines };
        oversizedLines = 0;
      } else if (length < maxLineBytes) {
        const larger = blocks.take(Math.min(2 * length, maxLineBytes));
        larger.set(block);
        blocks.giveBack(block);
        block = larger;
      } else {
        blocks.giveBack(block);
        block = blocks.take();
        length = 0;
        oversizedLines += 1;
        skipping = true;
      }
    }
  }
  yield { lines: block.subarray(0, length), oversizedLines };
}
