import { CorruptInput } from "./corrupt-input.ts";
import { decodeText } from "./decode.ts";
import { documentLine, droppedLine } from "./json-line.ts";

/** A file that is one document, or one JSON array, is held in memory whole. */
const MAX_FILE_BYTES = 1 << 25;

/**
 * A text or page that is one document, as a JSON line in the Speakleash form.
 *
 * @throws CorruptInput for a file of more than 32 MiB
 */
export async function* readOneDocument(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield documentLine(decodeText(await readAll(source)));
}

/**
 * The members of a JSON array, such as a `.sample` of Speakleash, one a line.
 *
 * @throws CorruptInput for what is no JSON array, or of more than 32 MiB
 */
export async function* readJsonArray(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = await readAll(source);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString().replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new CorruptInput(`not valid JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!Array.isArray(value))
    throw new CorruptInput("holds no JSON array of records; a file of lines is `jsonl`");
  for (const record of value) yield recordLine(record);
}

/** A member as a line; what `JSON.parse` reads may be nested more deeply than `JSON.stringify` can write. */
function recordLine(record: unknown): Buffer {
  try {
    return Buffer.from(`${JSON.stringify(record)}\n`);
  } catch (error) {
    if (error instanceof RangeError) return droppedLine("nested-too-deeply");
    throw error;
  }
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > MAX_FILE_BYTES)
      throw new CorruptInput("over 32 MiB in one document; cut it up, or make it jsonl");
    parts.push(Buffer.from(chunk));
  }
  return Buffer.concat(parts);
}
