/** A record of a WARC file (ISO 28500). */
export function warcRecord(type: string, headers: string, body: string | Uint8Array): Buffer {
  const bytes = Buffer.from(body);
  const head = `WARC/1.0\r\nWARC-Type: ${type}\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from("\r\n\r\n")]);
}

/** A crawled answer: its HTTP header lines, an empty line, its body. */
export function warcResponse(head: string, body: string | Uint8Array): Buffer {
  const answer = Buffer.concat([Buffer.from(`${head.replaceAll("\n", "\r\n")}\r\n\r\n`), Buffer.from(body)]);
  return warcRecord("response", "WARC-Target-URI: https://example.org/a\r\n", answer);
}
