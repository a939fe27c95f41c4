import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decompressBzip2 } from "../../../pipeline/readers/bzip2.ts";
import { CorruptInput } from "../../../pipeline/readers/corrupt-input.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/pipeline/${name}`, import.meta.url));
const blocks = fixture("blocks.txt.bz2");
const digits = Array.from({ length: 35_000 }, (_, i) => `${(i * i) % 999983} `).join("");

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function decompress(bytes: Uint8Array, chunk = 1 << 16): Promise<string> {
  return Buffer.concat(await Array.fromAsync(decompressBzip2(chunked(bytes, chunk)))).toString();
}

test("several blocks and several streams are one text, whatever the chunks", async () => {
  for (const chunk of [997, 1 << 20]) assert.equal(await decompress(blocks, chunk), digits);
  const three = Buffer.concat([blocks, fixture("dump.xml.bz2"), blocks]);
  assert.equal(await decompress(three), digits + fixture("dump.xml").toString() + digits);
  assert.equal(await decompress(fixture("multistream.xml.bz2"), 1), fixture("dump.xml").toString());
});

test("a bomb of 800,000:1 is inflated block by block", async () => {
  const hash = createHash("sha256");
  let largest = 0;
  for await (const chunk of decompressBzip2(chunked(fixture("zeros.bz2"), 1000))) {
    largest = Math.max(largest, chunk.length);
    hash.update(chunk);
  }
  assert.equal(hash.digest("hex"), createHash("sha256").update(Buffer.alloc(40_000_000)).digest("hex"));
  assert.ok(largest <= 46_620_000);
});

test("a file cut off at any byte is found out, and so is a flipped bit", async () => {
  const dump = fixture("multistream.xml.bz2");
  const ends = new Set<number>([0]);
  for (let at = dump.indexOf("BZh9", 1); at >= 0; at = dump.indexOf("BZh9", at + 1)) ends.add(at);
  for (let length = 1; length < dump.length; length += 7) {
    if (ends.has(length)) continue; // the end of a stream is a whole file
    await assert.rejects(decompress(dump.subarray(0, length)), CorruptInput, `${length} bytes`);
  }
  const expected = fixture("dump.xml").toString();
  for (let at = 0; at < dump.length; at += 5) {
    const damaged = Buffer.from(dump);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    const result = await decompress(damaged).catch((error: Error) => error);
    if (typeof result === "string") assert.equal(result, expected, `byte ${at}`);
    else assert.ok(result instanceof CorruptInput, `byte ${at}: ${result.stack}`);
  }
});

test("what is not bzip2 is refused with the byte where it begins", async () => {
  await assert.rejects(decompress(Buffer.from("BZip")), { message: "not a bzip2 stream at byte 0" });
  await assert.rejects(decompress(Buffer.concat([blocks, Buffer.from("reszta")])), {
    message: `not a bzip2 stream at byte ${blocks.length}`,
  });
});
