import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { decodeText } from "./decode.ts";
import type { ReaderDrop } from "./json-line.ts";

const HEADER_END = "\r\n\r\n";
/** An inflated page longer than this is none, but a bomb. */
const MAX_PAGE_BYTES = 1 << 26;

type PageText =
  | { readonly text: string; readonly dropped?: undefined }
  | { readonly text?: undefined; readonly dropped: ReaderDrop };

/** The text of an HTTP answer that is a page, as crawlers store answers (RFC 9112), or why it is none. */
export function pageOf(answer: Buffer): PageText {
  const end = answer.indexOf(HEADER_END);
  if (end < 0) return { dropped: "damaged-page" };
  const head = answer.toString("latin1", 0, end);
  if (!/^HTTP\/[\d.]+ 200\b/.test(head)) return { dropped: "http-status" };
  const type = headerField(head, "Content-Type") ?? "";
  if (!isPage(type)) return { dropped: "not-a-page" };
  const raw = answer.subarray(end + HEADER_END.length);
  const isChunked = /\bchunked\b/i.test(headerField(head, "Transfer-Encoding") ?? "");
  try {
    const body = inflate(isChunked ? unchunk(raw) : raw, headerField(head, "Content-Encoding") ?? "");
    return { text: decodeText(body, charsetOf(type)) };
  } catch (error) {
    const isTooLong = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return { dropped: isTooLong ? "page-too-long" : "damaged-page" };
  }
}

export const isPage = (contentType: string) => /text\/(?:html|plain)|application\/xhtml/i.test(contentType);

export const charsetOf = (contentType: string) => /charset=["']?([\w-]+)/i.exec(contentType)?.[1];

/** The value of a header field; of one that is given twice, the first. */
export function headerField(head: string, name: string): string | undefined {
  // what goes at the value's end is cut off apart: a pattern would read each of its gaps to the end
  return new RegExp(`^${name}:[ \\t]*(.*)$`, "im").exec(head)?.[1]?.trimEnd();
}

/** Joins the chunks of a chunked body. Crawlers often keep the header of a body they have joined: taken as it is. */
function unchunk(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    const size = /^([0-9a-f]{1,8})\s*(?:;|$)/i.exec(
      lineEnd < 0 ? "" : body.toString("latin1", at, Math.min(lineEnd, at + 100)),
    );
    if (size === null) {
      if (at === 0) return body;
      throw new Error("damaged chunk");
    }
    const length = Number.parseInt(size[1] as string, 16);
    if (length === 0) return Buffer.concat(parts);
    const start = lineEnd + 2;
    if (start + length > body.length) throw new Error("cut off inside a chunk");
    parts.push(body.subarray(start, start + length));
    at = start + length + 2;
  }
}

/** Undoes a content coding, unless the crawler has done so already and left the header. */
function inflate(body: Buffer, coding: string): Buffer {
  const limit = { maxOutputLength: MAX_PAGE_BYTES };
  switch (coding.toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return body.readUInt16BE(0) === 0x1f8b ? gunzipSync(body, limit) : body;
    case "deflate":
      if (body[0] === 0x3c) return body; // `<` begins no deflate stream that servers send
      // RFC 9110 means zlib; many servers sent raw deflate
      return isZlib(body) ? inflateSync(body, limit) : inflateRawSync(body, limit);
    case "br":
      return brotliDecompressSync(body, limit);
    default:
      return body;
  }
}

/** RFC 1950 §2.2: the method in the low four bits, and a check over the first two bytes. */
const isZlib = (body: Buffer) => (body.readUInt8(0) & 15) === 8 && body.readUInt16BE(0) % 31 === 0;
