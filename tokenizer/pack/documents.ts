import { z } from "zod";
import { parseRecord } from "../../pipeline/readers/record.ts";

/** Sees each document: its text in UTF-8, valid until the next one, and the near-duplicate cluster it states. */
export type VisitDocument = (text: Uint8Array, cluster: string | undefined) => void;

const PREFIX = Buffer.from('{"text":"');
const CLUSTER = Buffer.from('"cluster":');
const [NEWLINE, QUOTE, BACKSLASH] = [10, 34, 92];

/** What stands behind a backslash and what it means; `\u` is left to JSON.parse. */
const ESCAPES = new Map(
  Object.entries({ n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", '"': '"', "\\": "\\", "/": "/" }).map(
    ([name, meaning]) => [name.charCodeAt(0), meaning.charCodeAt(0)],
  ),
);

const clusterSchema = z.object({ meta: z.object({ cluster: z.union([z.string(), z.number()]) }) });

/**
 * Reads the documents out of whole JSON lines.
 *
 * @param ours lines written by `ingest`: their text is unescaped from bytes to bytes without parsing the line, which
 *   is five times as fast as JSON.parse; anything unusual, and every foreign line, is parsed
 * @returns lines that hold no document: not JSON, not UTF-8, no text or an empty one
 */
export function readDocuments(lines: Uint8Array, ours: boolean, visit: VisitDocument): number {
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  let rejected = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    if (end > start) {
      const line = bytes.subarray(start, end);
      const text = (ours ? unescapeText(line) : undefined) ?? parseText(line);
      if (text === undefined || text.length === 0) rejected += 1;
      else visit(text, clusterOf(line));
    }
    start = end + 1;
  }
  return rejected;
}

function parseText(line: Buffer): Uint8Array | undefined {
  const parsed = parseRecord(line);
  return parsed.ok ? Buffer.from(parsed.record.text) : undefined;
}

/** The text of a line in the exact form `ingest` writes; undefined when it has another form. */
function unescapeText(line: Buffer): Uint8Array | undefined {
  if (!line.subarray(0, PREFIX.length).equals(PREFIX)) return undefined;
  let from = PREFIX.length;
  let backslash = line.indexOf(BACKSLASH, from);
  let quote = line.indexOf(QUOTE, from);
  if (quote >= 0 && (backslash < 0 || backslash > quote)) return line.subarray(from, quote);
  const text = Buffer.allocUnsafe(line.length);
  let length = 0;
  while (quote >= 0) {
    const end = backslash >= 0 && backslash < quote ? backslash : quote;
    length += line.copy(text, length, from, end);
    if (end === quote) return text.subarray(0, length);
    const meaning = ESCAPES.get(line[backslash + 1] ?? 0);
    if (meaning === undefined) return undefined;
    text[length++] = meaning;
    from = backslash + 2;
    backslash = line.indexOf(BACKSLASH, from);
    if (quote < from) quote = line.indexOf(QUOTE, from);
  }
  return undefined;
}

/** `meta.cluster`: documents that state the same one are near-duplicates and stay on one side of the split. */
function clusterOf(line: Buffer): string | undefined {
  if (!line.includes(CLUSTER)) return undefined;
  try {
    const parsed = clusterSchema.safeParse(JSON.parse(line.toString()));
    return parsed.success ? String(parsed.data.meta.cluster) : undefined;
  } catch {
    return undefined; // words of a text, in a line that was read without parsing it
  }
}
