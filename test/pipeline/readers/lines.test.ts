import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LineBlock, readLineBlocks } from "../../../pipeline/readers/lines.ts";

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
}

const read = (text: string, chunk: number, options = {}): Promise<LineBlock[]> =>
  Array.fromAsync(readLineBlocks(chunked(Buffer.from(text), chunk), options));

test("blocks hold whole lines and do not depend on how the stream is chunked", async () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom("a", "ł", " ", "\r"), maxLength: 40 }), {
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(
      lines,
      fc.integer({ min: 1, max: 50 }),
      fc.boolean(),
      async (content, chunk, endsWithNewline) => {
        const text = content.join("\n") + (endsWithNewline ? "\n" : "");
        const blocks = await read(text, chunk, { blockBytes: 64 });
        assert.equal(Buffer.concat(blocks.map(({ bytes }) => bytes)).toString(), text);
        assert.deepEqual(blocks, await read(text, 1 << 20, { blockBytes: 64 }));
        let next = 1;
        for (const [i, block] of blocks.entries()) {
          assert.equal(block.firstLine, next);
          next += block.lines;
          if (i < blocks.length - 1) assert.equal(block.bytes.at(-1), 10, "ends with a newline");
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a line over the limit is left out and counted, and the lines keep their numbers", async () => {
  const text = `first\n${"x".repeat(100)}\nthird\nfourth\n${"y".repeat(70)}`;
  for (const chunk of [1, 13, 1000]) {
    const blocks = await read(text, chunk, { maxLineBytes: 50 });
    assert.deepEqual(
      blocks.map(({ bytes, firstLine, lines, oversizedBytes }) => [
        Buffer.from(bytes).toString(),
        firstLine,
        lines,
        oversizedBytes,
      ]),
      [
        ["first\n", 1, 1, 101],
        ["third\nfourth\n", 3, 2, 70],
      ],
    );
  }
});
