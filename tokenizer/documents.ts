import { isUtf8 } from "node:buffer";
import { parseRecord } from "../pipeline/readers/record.ts";

/** Sees each document: its text in UTF-8, and the near-duplicate cluster it states. Both are valid until the next. */
export type VisitDocument = (text: Uint8Array, cluster: Uint8Array | undefined) => void;

const NEWLINE = 10;
const UNICODE_ESCAPE = "\\u";
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/** The members of a record that are needed, as they were parsed. */
interface PlainRecord {
  readonly text: string;
  readonly cluster: string | undefined;
}

/**
 * Takes documents out of JSON lines without decoding their text: a line is parsed as if its bytes were Latin-1, so
 * that every byte stays a byte, and only written back. That is four times as fast as going through UTF-16 (870 MB/s
 * against 200, prose, 2026-11). Lines with `\u` escapes, which mean characters and not bytes, are decoded.
 */
export class DocumentReader {
  #text = Buffer.allocUnsafe(1 << 16);

  /**
   * Reads the documents out of whole lines.
   *
   * @returns lines that hold no document: not JSON, not UTF-8, no text or an empty one
   */
  read(lines: Uint8Array, visit: VisitDocument): number {
    const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
    const allUtf8 = isUtf8(bytes);
    let rejected = 0;
    for (let start = 0; start < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline;
      if (end > start) {
        const line = bytes.subarray(start, end);
        const isDocument = (allUtf8 || isUtf8(line)) && this.#readLine(withoutMark(line), visit);
        if (!isDocument) rejected += 1;
      }
      start = end + 1;
    }
    return rejected;
  }

  /** @returns whether the line holds a document */
  #readLine(line: Buffer, visit: VisitDocument): boolean {
    const encoding = line.includes(UNICODE_ESCAPE) ? "utf8" : "latin1";
    let value: unknown;
    try {
      value = JSON.parse(line.toString(encoding));
    } catch {
      return false;
    }
    const plain = plainRecord(value);
    if (plain !== undefined) return this.#visit(plain, encoding, visit);
    const parsed = parseRecord(line); // the forms that real files also have, and what is none of them
    return parsed.ok && this.#visit({ text: parsed.record.text, cluster: undefined }, "utf8", visit);
  }

  #visit({ text, cluster }: PlainRecord, encoding: "utf8" | "latin1", visit: VisitDocument): boolean {
    if (text === "") return false;
    const most = encoding === "latin1" ? text.length : 3 * text.length;
    if (this.#text.length < most) this.#text = Buffer.allocUnsafe(most + (most >> 1));
    const length = this.#text.write(text, encoding);
    visit(this.#text.subarray(0, length), cluster === undefined ? undefined : Buffer.from(cluster, encoding));
    return true;
  }
}

function withoutMark(line: Buffer): Buffer {
  const marked =
    line[0] === BYTE_ORDER_MARK[0] && line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return marked ? line.subarray(BYTE_ORDER_MARK.length) : line;
}

/** A text beside an object of facts, as all but a few lines have it; `meta.cluster` counts only as text or number. */
function plainRecord(value: unknown): PlainRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { text, meta = {} }: { text?: unknown; meta?: unknown } = value;
  if (typeof text !== "string" || typeof meta !== "object" || meta === null || Array.isArray(meta))
    return undefined;
  const { cluster }: { cluster?: unknown } = meta;
  const isKey = typeof cluster === "string" || typeof cluster === "number";
  return { text, cluster: isKey ? String(cluster) : undefined };
}
