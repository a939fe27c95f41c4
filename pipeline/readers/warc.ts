import { ByteQueue } from "./byte-queue.ts";
import { CorruptInput } from "./corrupt-input.ts";
import { decodeText } from "./decode.ts";
import { charsetOf, headerField, isPage, pageOf } from "./http-answer.ts";
import { documentLine, droppedLine } from "./json-line.ts";

const HEADER_END = "\r\n\r\n";
/** A record longer than this is no page. */
const MAX_RECORD = 1 << 25;
const MAX_HEADER = 1 << 16;
/** Record types that are documents; others (requests, metadata, revisits) only speak of them. */
const DOCUMENT_TYPES = ["response", "resource", "conversion"];

/**
 * The pages of a WARC file (responses and resources) and the texts of a WET file (conversions) as JSON lines in
 * the Speakleash form; answers that are no page are passed on as dropped. Format: ISO 28500.
 *
 * @throws CorruptInput with the byte offset when the file is cut off or no WARC file
 */
export async function* readWarc(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new ByteQueue(source, "WARC");
  while (await skipBlankLines(input)) {
    const start = input.offset;
    const head = await takeHeader(input);
    if (!head.startsWith("WARC/")) throw new CorruptInput(`not a WARC record at byte ${start}`);
    const length = Number(headerField(head, "Content-Length") ?? "none");
    if (!Number.isSafeInteger(length) || length < 0)
      throw new CorruptInput(`WARC record at byte ${start} without a length`);
    const type = headerField(head, "WARC-Type") ?? "";
    const isRead = DOCUMENT_TYPES.includes(type) && length <= MAX_RECORD;
    const parts: Buffer[] = [];
    for await (const part of input.take(length, "record")) if (isRead) parts.push(part);
    if (!DOCUMENT_TYPES.includes(type)) continue;
    const meta = { url: headerField(head, "WARC-Target-URI") };
    yield isRead ? toLine(type, head, Buffer.concat(parts), meta) : droppedLine("page-too-long", meta);
  }
}

function toLine(type: string, head: string, body: Buffer, meta: { url: string | undefined }): Buffer {
  if (type === "conversion") return documentLine(decodeText(body), meta);
  if (type === "resource") {
    const contentType = headerField(head, "Content-Type") ?? "";
    if (!isPage(contentType)) return droppedLine("not-a-page", meta);
    return documentLine(decodeText(body, charsetOf(contentType)), meta);
  }
  const { text, dropped } = pageOf(body);
  return dropped === undefined ? documentLine(text, meta) : droppedLine(dropped, meta);
}

/** Whether anything but line ends is left. */
async function skipBlankLines(input: ByteQueue): Promise<boolean> {
  while (await input.has(1)) {
    let blank = 0;
    while (input.head[blank] === 13 || input.head[blank] === 10) blank += 1;
    input.drop(blank);
    if (input.head.length > 0) return true;
  }
  return false;
}

async function takeHeader(input: ByteQueue): Promise<string> {
  for (;;) {
    const end = input.head.indexOf(HEADER_END);
    if (end >= 0) {
      const header = input.head.toString("utf8", 0, end);
      input.drop(end + HEADER_END.length);
      return header;
    }
    if (input.head.length > MAX_HEADER) throw new CorruptInput(`not a WARC record at byte ${input.offset}`);
    if (!(await input.more())) throw input.cutOff("record");
  }
}
