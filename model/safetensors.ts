import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { fromBfloat16, toBfloat16 } from "./bfloat16.ts";
import { ModelInputError } from "./input-error.ts";

/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes.
 * A header comes from a stranger: every size and range in it is checked before anything is read or allocated.
 */

/** Bytes of one element of every type the format knows in whole bytes. */
const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

type TensorType = keyof typeof elementBytes;

/** The reference implementation's limit, against headers that claim absurd lengths. */
const maxHeaderBytes = 100_000_000;

const lengthBytes = 8;

const count = z.int().nonnegative();
const tensorSchema = z.strictObject({
  dtype: z.enum(Object.keys(elementBytes) as [TensorType, ...TensorType[]]),
  shape: z.array(count),
  data_offsets: z.tuple([count, count]),
});
const headerSchema = z.record(z.string(), z.unknown());
const metadataSchema = z.record(z.string(), z.string());

export interface TensorInfo {
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** First and past-the-end byte, from the start of the file. */
  readonly range: readonly [number, number];
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Checks a header against the length of its file.
 *
 * @param json the header's bytes, without the length
 * @throws ModelInputError saying which tensor is wrong and how
 */
export function parseHeader(path: string, json: Uint8Array, fileBytes: number): SafetensorsHeader {
  const fail = (what: string): never => {
    throw new ModelInputError(`${path}: ${what}; the file is damaged or no safetensors file`);
  };
  const dataStart = lengthBytes + json.length;
  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseObject(json) ?? fail("its header is not a JSON object"))) {
    if (name === "__metadata__") {
      metadata = metadataSchema.safeParse(value).data ?? fail("__metadata__ is not a table of texts");
      continue;
    }
    const { dtype, shape, data_offsets } =
      tensorSchema.safeParse(value).data ?? fail(`tensor ${name}: expected dtype, shape and data_offsets`);
    const [begin, end] = data_offsets;
    const bytes = shape.reduce((product, length) => product * length, elementBytes[dtype]);
    if (end - begin !== bytes) {
      fail(
        `tensor ${name}: ${dtype} [${shape.join(", ")}] takes ${bytes} bytes, its range ${begin}…${end} ${end - begin}`,
      );
    }
    tensors.set(name, { dtype, shape, range: [dataStart + begin, dataStart + end] });
  }
  checkRanges(tensors, dataStart, fileBytes, fail);
  return { tensors, metadata };
}

function parseObject(json: Uint8Array): Record<string, unknown> | undefined {
  try {
    return headerSchema.safeParse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json))).data;
  } catch {
    return undefined;
  }
}

/** The format wants the tensors' bytes to follow one another without gap or overlap, up to the end of the file. */
function checkRanges(
  tensors: ReadonlyMap<string, TensorInfo>,
  dataStart: number,
  fileBytes: number,
  fail: (what: string) => never,
): void {
  let end = dataStart;
  for (const [name, { range }] of [...tensors].sort(
    ([, a], [, b]) => a.range[0] - b.range[0] || a.range[1] - b.range[1],
  )) {
    if (range[0] < end) fail(`tensor ${name} overlaps another`);
    if (range[0] > end) fail(`${range[0] - end} bytes before tensor ${name} belong to no tensor`);
    end = range[1];
  }
  if (end !== fileBytes) fail(`the header describes ${end} bytes, the file has ${fileBytes}`);
}

export interface SafetensorsFile extends SafetensorsHeader {
  readonly path: string;
  /** A F32, BF16 or F16 tensor as float32. */
  readFloats(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Opens a file and checks its header; tensors are read when asked for. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path);
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new ModelInputError(`${path}: is no file`);
    const { size } = facts;
    const length = size < lengthBytes ? 0n : (await readRange(path, file, 0, lengthBytes)).readBigUInt64LE();
    if (length < 2n || length > BigInt(Math.min(size - lengthBytes, maxHeaderBytes))) {
      throw new ModelInputError(
        `${path}: claims a header of ${length} bytes in a file of ${size}; it is damaged or no safetensors file`,
      );
    }
    const header = parseHeader(path, await readRange(path, file, lengthBytes, Number(length)), size);
    return {
      path,
      ...header,
      async readFloats(name) {
        const info = header.tensors.get(name);
        if (info === undefined) throw new ModelInputError(`${path}: has no tensor ${name}`);
        return toFloats(
          path,
          name,
          info.dtype,
          await readRange(path, file, info.range[0], info.range[1] - info.range[0]),
        );
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** One read call transfers less than 2 GiB on every platform. */
const maxReadBytes = 2 ** 30;

async function readRange(
  path: string,
  file: FileHandle,
  start: number,
  bytes: number,
): Promise<Buffer<ArrayBuffer>> {
  // Not `allocUnsafe`: its pool would give views that are not aligned for the wider element types.
  const target = Buffer.from(new ArrayBuffer(bytes));
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(target, done, Math.min(bytes - done, maxReadBytes), start + done);
    if (bytesRead === 0)
      throw new ModelInputError(
        `${path}: ended ${bytes - done} bytes early; was it changed while being read?`,
      );
    done += bytesRead;
  }
  return target;
}

function toFloats(
  path: string,
  name: string,
  dtype: TensorType,
  { buffer }: Buffer<ArrayBuffer>,
): Float32Array {
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "BF16":
      return fromBfloat16(new Uint16Array(buffer));
    case "F16":
      return Float32Array.from(new Float16Array(buffer));
    default:
      throw new ModelInputError(`${path}: tensor ${name} is ${dtype}; weights must be F32, BF16 or F16`);
  }
}

/** A tensor to be written; `values` is called when its turn comes, so that only one need be in memory. */
export interface WrittenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  values(): Promise<Float32Array>;
}

/**
 * Writes a safetensors file, tensor after tensor.
 *
 * @param write appends bytes to the file
 * @param dtype type in which all tensors are stored; bf16 is rounded to nearest-even
 */
export async function writeSafetensors(
  write: (chunk: Uint8Array) => Promise<void>,
  dtype: "F32" | "BF16",
  tensors: readonly WrittenTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape } of tensors) {
    const end = shape.reduce((product, length) => product * length, elementBytes[dtype]) + offset;
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  // Spaces up to a multiple of 8 keep the data aligned for readers that map the file.
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, " ");
  json.copy(padded);
  const length = Buffer.alloc(lengthBytes);
  length.writeBigUInt64LE(BigInt(padded.length));
  await write(Buffer.concat([length, padded]));

  for (const { name, shape, values } of tensors) {
    const floats = await values();
    const elements = shape.reduce((product, length_) => product * length_, 1);
    if (floats.length !== elements) throw new Error(`${name}: ${elements} elements, given ${floats.length}`);
    const stored = dtype === "F32" ? floats : toBfloat16(floats);
    await write(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  }
}
