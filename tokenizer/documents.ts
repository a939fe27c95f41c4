import { isUtf8 } from "node:buffer";
import { parseRecord } from "../pipeline/readers/record.ts";
import { COPY_MARGIN, copyJsonText } from "./json-text.ts";

/** Sees each document: its text in UTF-8, and the near-duplicate cluster it states. Both are valid until the next. */
export type VisitDocument = (text: Uint8Array, cluster: Uint8Array | undefined) => void;

const NEWLINE = 10;
const COMMA = 0x2c;
const CLOSING_BRACE = 0x7d;
const UNICODE_ESCAPE = Buffer.from("\\u");
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");
/** How the lines of `ingest`, and of Python's `json.dumps`, begin. */
const BEGINNINGS = ['{"text":"', '{"text": "'].map((text) => Buffer.from(text));

/** The members of a record that are needed, as they were parsed. */
interface PlainRecord {
  readonly text: string;
  readonly cluster: string | undefined;
}

/**
 * Takes documents out of JSON lines. Where the text comes first and has no `\u` escapes, it is copied byte by byte and
 * only what stands behind it is parsed (see `copyJsonText`). Other lines are parsed as if their bytes were Latin-1, so
 * that every byte stays a byte; lines with `\u` escapes, which mean characters and not bytes, are decoded.
 */
export class DocumentReader {
  #text = Buffer.allocUnsafe(1 << 16);
  #view = viewOf(this.#text);

  /**
   * Reads the documents out of whole lines.
   *
   * @returns lines that hold no document: not JSON, not UTF-8, no text or an empty one
   */
  read(lines: Uint8Array, visit: VisitDocument): number {
    const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
    const view = viewOf(bytes);
    const allUtf8 = isUtf8(bytes);
    let rejected = 0;
    for (let start = 0; start < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline;
      if (end > start) {
        const isDocument =
          (allUtf8 || isUtf8(bytes.subarray(start, end))) &&
          (this.#readTextFirst(bytes, view, start, end, visit) ??
            this.#readLine(withoutMark(bytes.subarray(start, end)), visit));
        if (!isDocument) rejected += 1;
      }
      start = end + 1;
    }
    return rejected;
  }

  /** @returns whether the line holds a document; undefined where it takes parsing to know */
  #readTextFirst(
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
    visit: VisitDocument,
  ): boolean | undefined {
    const beginning = BEGINNINGS.find(({ length }, i) => {
      return start + length <= end && bytes.compare(BEGINNINGS[i]!, 0, length, start, start + length) === 0;
    });
    if (beginning === undefined) return undefined;
    this.#makeRoom(end - start);
    const text = copyJsonText(view, start + beginning.length, end, this.#view);
    if (text === undefined) return undefined;
    const plain = parseRest(bytes.subarray(text.end + 1, end));
    if (plain === undefined) return undefined;
    if (text.length === 0) return false;
    visit(this.#text.subarray(0, text.length), bytesOfCluster(plain.cluster, "latin1"));
    return true;
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
    this.#makeRoom(encoding === "latin1" ? text.length : 3 * text.length);
    const length = this.#text.write(text, encoding);
    visit(this.#text.subarray(0, length), bytesOfCluster(cluster, encoding));
    return true;
  }

  #makeRoom(length: number): void {
    const needed = length + COPY_MARGIN;
    if (this.#text.length >= needed) return;
    this.#text = Buffer.allocUnsafe(needed + (needed >> 1));
    this.#view = viewOf(this.#text);
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

const bytesOfCluster = (cluster: string | undefined, encoding: "utf8" | "latin1"): Uint8Array | undefined =>
  cluster === undefined ? undefined : Buffer.from(cluster, encoding);

/**
 * What stands behind a record's text, up to the end of the line.
 *
 * @returns undefined where it is not plain: invalid, with another text, with `\u` escapes
 */
function parseRest(rest: Buffer): Omit<PlainRecord, "text"> | undefined {
  if (rest.length === 1 && rest[0] === CLOSING_BRACE) return { cluster: undefined };
  if (rest[0] !== COMMA || rest.includes(UNICODE_ESCAPE)) return undefined;
  let members: { text?: unknown; meta?: unknown };
  try {
    members = JSON.parse(`{"":0${rest.toString("latin1")}`); // a member, so that the comma is in its place
  } catch {
    return undefined;
  }
  return members.text === undefined ? plainRecord({ text: "", meta: members.meta }) : undefined;
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
