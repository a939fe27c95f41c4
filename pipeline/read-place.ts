import { CorruptInput } from "./readers/corrupt-input.ts";
import { formatOfName, MAX_DOCUMENT_BYTES, openDocuments } from "./readers/documents.ts";
import { readLineBlocks } from "./readers/lines.ts";
import { parseRecord, type TextRecord } from "./readers/record.ts";
import { UserError } from "./runtime/errors.ts";

/**
 * Reads one document of a file, as ingest does.
 *
 * @param place `FILE:LINE`, as reports and rejects name it: a line of a JSON lines file, the n-th document of any other
 * @throws UserError when the file cannot be read, there is no such line, or ingest makes no document of it
 */
export async function readPlace(place: string, textColumn = "text"): Promise<TextRecord> {
  const [, path, number] = /^(.+):([1-9]\d*)$/.exec(place) ?? [];
  if (path === undefined)
    throw new UserError(`${place}: expected FILE:LINE, such as data/raw/a.jsonl.zst:12`);
  const line = await readLine(path, Number(number), textColumn);
  if (line === "too long") throw leftOut(place, "line-too-long");
  if (line.toString().trim() === "") throw new UserError(`${place}: a blank line, which ingest passes over`);
  const parsed = parseRecord(line);
  if (!parsed.ok) throw leftOut(place, parsed.reason);
  return parsed.record;
}

const leftOut = (place: string, reason: string) =>
  new UserError(`${place}: ingest leaves this line out when it reads it (${reason})`);

/** A line of what a file is turned into, counted from 1. */
async function readLine(path: string, wanted: number, textColumn: string): Promise<Buffer | "too long"> {
  const format = formatOfName(path) ?? "jsonl";
  let found = 0;
  try {
    const documents = openDocuments(path, format, { textColumn });
    for await (const block of readLineBlocks(documents, { maxLineBytes: MAX_DOCUMENT_BYTES })) {
      const { bytes, firstLine, lines, oversizedBytes } = block;
      if (wanted < firstLine + lines)
        return lineOf(Buffer.from(bytes.buffer, 0, bytes.length), wanted - firstLine);
      found = firstLine + lines - 1;
      if (oversizedBytes === undefined) continue;
      found += 1;
      if (wanted === found) return "too long";
    }
  } catch (error) {
    if (error instanceof CorruptInput) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
  throw new UserError(`${path}:${wanted}: there are only ${found}`);
}

/** The n-th line of a block, counted from 0. */
function lineOf(block: Buffer, n: number): Buffer {
  let start = 0;
  for (let i = 0; i < n; i++) start = block.indexOf(10, start) + 1;
  const end = block.indexOf(10, start);
  return block.subarray(start, end < 0 ? block.length : end);
}
