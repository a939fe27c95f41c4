import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { crc32c } from "../../../train/tensorboard/crc32c.ts";
import { openEventFile } from "../../../train/tensorboard/event-file.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();
const timing = { time: 1_700_000_001.5, seconds: 1, tokensPerSecond: 1234, teraflops: 2, memoryBytes: 3e9 };
const step = {
  step: 300,
  loss: 3.5,
  accuracy: 0.25,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokens: 1e10,
  cursor: { epoch: 0, row: 0 },
  timing,
};

/** The records of a TFRecord file, after checking their lengths and masked checksums. */
function records(bytes: Buffer): Buffer[] {
  const masked = (data: Uint8Array) => {
    const crc = crc32c(data);
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  };
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    assert.equal(bytes.readUInt32LE(at + 8), masked(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(bytes.readUInt32LE(at + 12 + length), masked(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

type Field = { readonly number: number; readonly value: number | Buffer };

/** A message in Protocol Buffers' wire format, by its own rules and without our encoder. */
function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = key >> 3;
    switch (key & 7) {
      case 0:
        found.push({ number, value: varint() });
        break;
      case 1:
        found.push({ number, value: message.readDoubleLE(at) });
        at += 8;
        break;
      case 2: {
        const length = varint();
        found.push({ number, value: message.subarray(at, at + length) });
        at += length;
        break;
      }
      case 5:
        found.push({ number, value: message.readFloatLE(at) });
        at += 4;
        break;
      default:
        assert.fail(`wire type ${key & 7}`);
    }
  }
  return found;
}

const fieldOf = (message: Buffer, number: number) =>
  fields(message).find((field) => field.number === number)?.value;
const bytesOf = (message: Buffer, number: number) => fieldOf(message, number) as Buffer;

describe("the checksum", () => {
  it("is CRC-32C, by the check value of its catalogue and those of RFC 3720", () => {
    assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  });
});

describe("the events of a run", () => {
  it("say version and restart, then steps, evaluations and samples", async () => {
    const folder = join(root, "events");
    const file = await openEventFile(folder, 299);
    await file.append(step);
    const evaluation = { loss: 4, perplexity: 55, accuracy: 0.2, tokens: 100, bitsPerByte: 2 };
    await file.append({ step: 300, evaluation });
    await file.append({ step: 300, samples: [{ prompt: "Zażółć", text: " gęślą" }] });
    await file.close();
    const [name = ""] = await readdir(folder);
    assert.match(name, /^events\.out\.tfevents\.\d{10}\.\d{3}\.apt3$/);
    const [version, restart, scalars, held, text] = records(await readFile(join(folder, name)));

    assert.equal(bytesOf(version!, 3).toString(), "brain.Event:2");
    assert.equal(fieldOf(restart!, 2), 300);
    assert.equal(fieldOf(bytesOf(restart!, 7), 1), 1);
    assert.equal(fieldOf(scalars!, 1), timing.time);
    assert.equal(fieldOf(scalars!, 2), 300);
    const values = new Map(
      fields(bytesOf(scalars!, 5)).map(({ value }) => [
        bytesOf(value as Buffer, 1).toString(),
        fieldOf(value as Buffer, 2),
      ]),
    );
    assert.equal(values.get("training/loss"), 3.5);
    assert.equal(values.get("training/tokens"), 1e10);
    assert.equal(values.get("speed/tokens a second"), 1234);
    const perplexity = fields(bytesOf(held!, 5)).map(({ value }) => fieldOf(value as Buffer, 2));
    assert.deepEqual(perplexity.slice(0, 2), [4, 55]);
    const sample = bytesOf(bytesOf(text!, 5), 1);
    assert.equal(bytesOf(sample, 1).toString(), "samples/1");
    assert.equal(bytesOf(bytesOf(sample, 8), 8).toString(), "**Zażółć** gęślą");
    assert.equal(bytesOf(bytesOf(bytesOf(sample, 9), 1), 1).toString(), "text");
  });
});
