import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { fromBfloat16, toBfloat16 } from "../../model/bfloat16.ts";
import { ModelInputError } from "../../model/input-error.ts";
import {
  openSafetensors,
  parseHeader,
  type WrittenTensor,
  writeSafetensors,
} from "../../model/safetensors.ts";
import { temporaryFolder } from "../support/folders.ts";

const folder = temporaryFolder();
before(async () => {});

const tensor = (name: string, shape: number[], values: number[]): WrittenTensor => ({
  name,
  shape,
  values: async () => Float32Array.from(values),
});

async function write(dtype: "F32" | "BF16", tensors: WrittenTensor[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await writeSafetensors(async (chunk) => void chunks.push(chunk.slice()), dtype, tensors, { format: "pt" });
  return Buffer.concat(chunks);
}

async function open(bytes: Uint8Array) {
  const path = join(folder, "model.safetensors");
  await writeFile(path, bytes);
  return openSafetensors(path);
}

/** A file with this header over so many bytes of data. */
function fileOf(header: object | string, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

describe("safetensors", () => {
  it("reads back what it wrote, in f32 exactly and in bf16 rounded", async () => {
    const tensors = [tensor("a", [2, 3], [1, -2, 3.3, 4, 2 ** -64, 6]), tensor("b.weight", [1], [0.1])];
    const exact = await open(await write("F32", tensors));
    assert.deepEqual([...exact.tensors.keys()], ["a", "b.weight"]);
    assert.deepEqual(exact.metadata, { format: "pt" });
    assert.deepEqual(await exact.readFloats("a"), await tensors[0]?.values());
    await exact.close();
    const rounded = await open(await write("BF16", tensors));
    assert.deepEqual(await rounded.readFloats("a"), Float32Array.of(1, -2, 3.296875, 4, 2 ** -64, 6));
    await rounded.close();
  });

  it("aligns the data to 8 bytes", async () => {
    const bytes = Buffer.from(await write("F32", [tensor("x", [1], [1])]));
    assert.equal(Number(bytes.readBigUInt64LE()) % 8, 0);
  });

  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const lies: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", new Uint8Array(0), /header of 0 bytes in a file of 0/],
    ["a header longer than the file", Buffer.from([255, 255, 255, 255, 0, 0, 0, 0, 123]), /claims a header/],
    ["a header of 2^63 bytes", Buffer.from([0, 0, 0, 0, 0, 0, 0, 128, 123, 125]), /claims a header/],
    ["no JSON", fileOf("{broken", 0), /not a JSON object/],
    ["an array", fileOf("[1]", 0), /not a JSON object/],
    [
      "no UTF-8",
      Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([123, 255, 125])]),
      /JSON/,
    ],
    [
      "an unknown type",
      fileOf({ a: { dtype: "F4", shape: [2], data_offsets: [0, 8] } }, 8),
      /tensor a: expected/,
    ],
    ["a negative size", fileOf({ a: f32(0, 8, [-2]) }, 8), /tensor a: expected/],
    ["a fractional size", fileOf({ a: f32(0, 8, [0.5, 4]) }, 8), /tensor a: expected/],
    ["a size that is no number", fileOf({ a: f32(0, 8, ["2"]) }, 8), /tensor a: expected/],
    [
      "a range that does not fit the shape",
      fileOf({ a: f32(0, 8, [3]) }, 8),
      /takes 12 bytes, its range 0…8 8/,
    ],
    ["a shape that overflows", fileOf({ a: f32(0, 8, [2 ** 40, 2 ** 40]) }, 8), /takes .* bytes/],
    ["a range behind the file", fileOf({ a: f32(0, 400) }, 8), /describes \d+ bytes, the file has/],
    ["a backward range", fileOf({ a: f32(8, 0, [2]) }, 8), /takes 8 bytes, its range 8…0 -8/],
    ["overlapping ranges", fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /tensor b overlaps/],
    ["one range twice", fileOf({ a: f32(0, 8), b: f32(0, 8) }, 8), /overlaps another/],
    ["a hole", fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /4 bytes before tensor b/],
    ["bytes of no tensor", fileOf({ a: f32(0, 4) }, 9), /describes \d+ bytes, the file has/],
    ["metadata that is no table of texts", fileOf({ __metadata__: { a: 1 } }, 0), /__metadata__/],
    ["an unknown member", fileOf({ a: { ...f32(0, 4), codec: "x" } }, 4), /tensor a: expected/],
  ];
  for (const [what, bytes, message] of lies) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(
        open(bytes),
        (error) => error instanceof ModelInputError && message.test(error.message),
      );
    });
  }

  it("refuses a tensor that is missing or of a type that holds no weights", async () => {
    const file = await open(fileOf({ a: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, 8));
    await assert.rejects(file.readFloats("a"), /tensor a is I64; weights must be/);
    await assert.rejects(file.readFloats("b"), /has no tensor b/);
    await file.close();
  });

  it("either reads a damaged header consistently or refuses it with its own error", async () => {
    const intact = Buffer.from(await write("F32", [tensor("a", [2], [1, 2]), tensor("b", [1, 2], [3, 4])]));
    const headerBytes = Number(intact.readBigUInt64LE());
    fc.assert(
      fc.property(fc.nat(headerBytes - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const json = Uint8Array.from(intact.subarray(8, 8 + headerBytes));
        json[at] = value;
        try {
          const { tensors } = parseHeader("x", json, intact.length);
          for (const { range } of tensors.values()) {
            assert.ok(range[0] >= 8 + headerBytes && range[0] <= range[1] && range[1] <= intact.length);
          }
        } catch (error) {
          assert.ok(error instanceof ModelInputError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("writes the format that another implementation reads", async () => {
    // tiny-llama.safetensors was written by the reference implementation: reading it shows that both agree.
    const bytes = await readFile(new URL("../fixtures/model/tiny-llama.safetensors", import.meta.url));
    const file = await open(bytes);
    assert.deepEqual(file.tensors.get("weights.lm_head.weight")?.shape, [61, 16]);
    await file.close();
  });
});

describe("bf16", () => {
  it("keeps what it can represent and rounds the rest to the nearest, ties to even", () => {
    const cases: [float: number, bits: number][] = [
      [1, 0x3f80],
      [-2.5, 0xc020],
      [1 + 2 ** -8, 0x3f80],
      [1 + 3 * 2 ** -8, 0x3f82],
      [1 + 2 ** -8 + 2 ** -20, 0x3f81],
      [Number.POSITIVE_INFINITY, 0x7f80],
      [3.4e38, 0x7f80],
      [-0, 0x8000],
    ];
    for (const [float, bits] of cases)
      assert.equal(toBfloat16(Float32Array.of(float))[0], bits, String(float));
    assert.ok(Number.isNaN(fromBfloat16(toBfloat16(Float32Array.of(Number.NaN)))[0]));
  });

  it("is never off by more than half a unit of its last place", () => {
    fc.assert(
      fc.property(fc.float({ min: Math.fround(-1e30), max: Math.fround(1e30), noNaN: true }), (value) => {
        const [rounded = 0] = fromBfloat16(toBfloat16(Float32Array.of(value)));
        assert.ok(Math.abs(rounded - value) <= Math.abs(value) * 2 ** -8 + 1e-40);
      }),
    );
  });
});
