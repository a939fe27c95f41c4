import { CorruptInput } from "./corrupt-input.ts";
import { decodeText } from "./decode.ts";

const HEADER_END = "\r\n\r\n";
/** A record longer than this is no page. */
const MAX_RECORD = 1 << 26;
const MAX_HEADER = 1 << 16;

/**
 * The pages of a WARC file (responses) and the texts of a WET file (conversions) as JSON lines in the
 * Speakleash form. Format: ISO 28500.
 *
 * @throws CorruptInput with the byte offset when the file is cut off or no WARC file
 */
export async function* readWarc(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new RecordBuffer(source);
  while (await input.skipBlankLines()) {
    const start = input.offset;
    const head = await input.takeHeader();
    if (!head.startsWith("WARC/")) throw new CorruptInput(`not a WARC record at byte ${start}`);
    const length = Number(field(head, "Content-Length"));
    if (!Number.isSafeInteger(length) || length < 0)
      throw new CorruptInput(`WARC record at byte ${start} without a length`);
    const body = await input.take(length, length <= MAX_RECORD);
    const type = field(head, "WARC-Type");
    const url = field(head, "WARC-Target-URI");
    if (type === "conversion") yield toJsonLine(body === undefined ? null : decodeText(body), url);
    else if (type === "response") {
      const text = body === undefined ? null : pageOf(body);
      if (text !== undefined) yield toJsonLine(text, url);
    }
  }
}

/** The text of an HTTP answer that is a page; undefined for images, scripts and the like. */
function pageOf(answer: Buffer): string | undefined {
  const end = answer.indexOf(HEADER_END);
  if (end < 0) return undefined;
  const type = field(answer.subarray(0, end).toString("latin1"), "Content-Type") ?? "";
  if (!/text\/(?:html|plain)|application\/xhtml/i.test(type)) return undefined;
  return decodeText(answer.subarray(end + HEADER_END.length), /charset=["']?([\w-]+)/i.exec(type)?.[1]);
}

function field(head: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*?)\\r?$`, "im").exec(head)?.[1];
}

const toJsonLine = (text: string | null, url: string | undefined) =>
  Buffer.from(`${JSON.stringify({ text, meta: url === undefined ? {} : { url } })}\n`);

class RecordBuffer {
  offset = 0;
  #source: AsyncIterator<Uint8Array>;
  #head: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether anything but line ends is left. */
  async skipBlankLines(): Promise<boolean> {
    for (;;) {
      let blank = 0;
      while (this.#head[blank] === 13 || this.#head[blank] === 10) blank += 1;
      this.#drop(blank);
      if (this.#head.length > 0) return true;
      if (!(await this.#more())) return false;
    }
  }

  async takeHeader(): Promise<string> {
    for (;;) {
      const end = this.#head.indexOf(HEADER_END);
      if (end >= 0) {
        const header = this.#head.subarray(0, end).toString("utf8");
        this.#drop(end + HEADER_END.length);
        return header;
      }
      if (this.#head.length > MAX_HEADER) throw new CorruptInput(`not a WARC record at byte ${this.offset}`);
      if (!(await this.#more())) throw this.#cutOff();
    }
  }

  /** The next bytes; undefined when they are only to be passed over. */
  async take(length: number, isWanted: boolean): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; ) {
      if (this.#head.length === 0 && !(await this.#more())) throw this.#cutOff();
      const part = this.#head.subarray(0, left);
      if (isWanted) parts.push(part);
      left -= part.length;
      this.#drop(part.length);
    }
    return isWanted ? Buffer.concat(parts) : undefined;
  }

  #drop(count: number): void {
    this.#head = this.#head.subarray(count);
    this.offset += count;
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    return true;
  }

  #cutOff(): CorruptInput {
    return new CorruptInput(`cut off inside a WARC record at byte ${this.offset + this.#head.length}`);
  }
}
