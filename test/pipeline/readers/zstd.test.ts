import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { CorruptInput } from "../../../pipeline/readers/corrupt-input.ts";
import { decompressZstd } from "../../../pipeline/readers/zstd.ts";

const CHECKSUM = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const text = Array.from({ length: 400 }, (_, i) => `wiersz ${i}: zażółć gęślą jaźń`).join("\n");

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function decompress(bytes: Uint8Array, chunk = 1 << 16): Promise<string> {
  return Buffer.concat(await Array.fromAsync(decompressZstd(chunked(bytes, chunk)))).toString();
}

/** A frame other programs may put anywhere: to be passed over. */
function skippable(content: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a53, 0);
  header.writeUInt32LE(Buffer.byteLength(content), 4);
  return Buffer.concat([header, Buffer.from(content)]);
}

test("several frames, skippable and empty ones among them, are one text", async () => {
  const file = Buffer.concat([
    skippable("made elsewhere"),
    zstdCompressSync(Buffer.from(text), CHECKSUM),
    zstdCompressSync(Buffer.alloc(0)),
    skippable(""),
    zstdCompressSync(Buffer.from("drugi"), { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } }),
    zstdCompressSync(Buffer.alloc(300_000, "a")), // run-length blocks
  ]);
  const expected = `${text}drugi${"a".repeat(300_000)}`;
  for (const chunk of [1, 7, 4096, 1 << 20]) assert.equal(await decompress(file, chunk), expected);
});

test("chunks that may be freed are right when they come, and gone when the next has come", async () => {
  const bytes = Buffer.from(text.repeat(400)); // 6 MB
  const frame = zstdCompressSync(bytes);
  const copies: Buffer[] = [];
  let before: Buffer | undefined;
  let freed = 0;
  for await (const chunk of decompressZstd(chunked(Buffer.concat([frame, frame]), 4096), true)) {
    if (before?.byteLength === 0) freed += 1;
    copies.push(Buffer.from(chunk));
    before = chunk;
  }
  assert.ok(Buffer.concat([bytes, bytes]).equals(Buffer.concat(copies)));
  assert.ok(freed >= 8, `${freed} of ${copies.length} chunks`);
});

test("any bytes in any number of frames come back", async () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 3000 }), async (parts, chunk) => {
      const file = Buffer.concat(parts.map((part) => zstdCompressSync(part, CHECKSUM)));
      const result = await Array.fromAsync(decompressZstd(chunked(file, chunk)));
      assert.deepEqual(Buffer.concat(result), Buffer.concat(parts));
    }),
    { numRuns: 60 },
  );
});

test("a file cut off at any byte is found out", async () => {
  const file = Buffer.concat([
    zstdCompressSync(Buffer.from("pierwszy"), CHECKSUM),
    zstdCompressSync(Buffer.from(text), CHECKSUM),
  ]);
  const firstEnd = zstdCompressSync(Buffer.from("pierwszy"), CHECKSUM).length;
  for (let length = 1; length < file.length; length += 3) {
    if (length === firstEnd) continue; // the end of a frame is a whole file
    await assert.rejects(
      decompress(file.subarray(0, length)),
      CorruptInput,
      `${length} of ${file.length} bytes`,
    );
  }
});

test("a flipped bit is an error, never other text", async () => {
  const file = zstdCompressSync(Buffer.from(text), CHECKSUM);
  for (let at = 0; at < file.length; at += 5) {
    const damaged = Buffer.from(file);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    const result = await decompress(damaged).catch((error: Error) => error);
    if (typeof result === "string") assert.equal(result, text, `byte ${at}`);
    else assert.ok(result instanceof CorruptInput, `byte ${at}: ${result.stack}`);
  }
});

test("what is not zstd is refused with the byte where it begins", async () => {
  const file = Buffer.concat([zstdCompressSync(Buffer.from("tekst")), Buffer.from("reszta")]);
  const at = zstdCompressSync(Buffer.from("tekst")).length;
  await assert.rejects(decompress(file), { message: `not a zstd frame at byte ${at}` });
});
