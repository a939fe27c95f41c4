import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { parseRecord } from "../../../pipeline/readers/record.ts";
import { readWarc } from "../../../pipeline/readers/warc.ts";
import { warcRecord, warcResponse } from "./warc-file.ts";

/** The text of every document, or the reason it was dropped for. */
async function read(bytes: Uint8Array, chunk = 1 << 16): Promise<string[]> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const lines = await Array.fromAsync(readWarc(chunks()));
  return lines.map((line) => {
    const parsed = parseRecord(line.subarray(0, -1));
    return parsed.ok ? parsed.record.text : `!${parsed.reason}`;
  });
}

const HTML = "HTTP/1.1 200 OK\nContent-Type: text/html";
const latin2 = Buffer.from([0xbf, 0xf3, 0xb3, 0x77, 0x20, 0xb6, 0x70, 0x69]);
const cp1250 = Buffer.from([0xbf, 0xf3, 0xb3, 0x77, 0x20, 0x9c, 0x70, 0x69]);

test("pages are documents, every other answer is dropped for a reason, requests are none", async () => {
  const file = Buffer.concat([
    warcRecord("warcinfo", "", "software: test"),
    warcResponse(HTML, "<p>tak"),
    warcRecord("request", "", "GET / HTTP/1.1"),
    warcResponse("HTTP/1.1 404 Not Found\nContent-Type: text/html", "<p>nie ma"),
    warcResponse("HTTP/1.1 302 Found\nLocation: /b", ""),
    warcResponse("HTTP/1.1 200 OK\nContent-Type: image/png", "\u0089PNG"),
    warcResponse("HTTP/1.1 200 OK", "bez typu"),
    warcRecord("response", "", "no HTTP at all"),
    warcRecord("resource", "Content-Type: text/plain; charset=iso-8859-2\r\n", latin2),
    warcRecord("resource", "Content-Type: image/gif\r\n", "GIF89a"),
    warcRecord("conversion", "", "tekst"),
  ]);
  const expected = [
    "<p>tak",
    "!http-status",
    "!http-status",
    "!not-a-page",
    "!not-a-page",
    "!damaged-page",
    "żółw śpi",
    "!not-a-page",
    "tekst",
  ];
  for (const chunk of [1, 13, 1 << 16]) assert.deepEqual(await read(file, chunk), expected);
});

test("the encoding is that of the header, the page's own, the byte-order mark, or the letters'", async () => {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("żółw śpi", "utf16le")]);
  const meta = "<meta charset=iso-8859-2>";
  const cases: [head: string, body: Uint8Array, text: string][] = [
    [`${HTML}; charset=ISO-8859-2`, latin2, "żółw śpi"],
    [`${HTML}; charset="windows-1250"`, cp1250, "żółw śpi"],
    [`${HTML}; charset=utf-8`, cp1250, "żółw śpi"],
    [`${HTML}; charset=no-such`, latin2, "żółw śpi"],
    [HTML, Buffer.concat([Buffer.from(meta), latin2]), `${meta}żółw śpi`],
    [HTML, cp1250, "żółw śpi"],
    [HTML, Buffer.from("\uFEFFżółw śpi"), "żółw śpi"],
    [HTML, utf16, "żółw śpi"],
  ];
  for (const [head, body, text] of cases)
    assert.deepEqual(await read(warcResponse(head, body)), [text], head);
});

test("chunked and compressed bodies are undone, and left alone where the crawler has done so", async () => {
  const page = "<p>żółw śpi</p>".repeat(20);
  const plain = Buffer.from(page);
  const chunked = (bytes: Buffer) =>
    Buffer.concat([
      Buffer.from(`${(10).toString(16)};ext=1\r\n`),
      bytes.subarray(0, 10),
      Buffer.from(`\r\n${(bytes.length - 10).toString(16).toUpperCase()}\r\n`),
      bytes.subarray(10),
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
  const cases: [headers: string, body: Uint8Array][] = [
    ["Transfer-Encoding: chunked", chunked(plain)],
    ["Content-Encoding: gzip", gzipSync(page)],
    ["Content-Encoding: GZIP\nTransfer-Encoding: chunked", chunked(gzipSync(page))],
    ["Content-Encoding: br", brotliCompressSync(page)],
    ["Content-Encoding: deflate", deflateSync(page)],
    ["Content-Encoding: deflate", deflateRawSync(page)],
    ["Transfer-Encoding: chunked", plain],
    ["Content-Encoding: gzip", plain],
  ];
  for (const [headers, body] of cases)
    assert.deepEqual(await read(warcResponse(`${HTML}\n${headers}`, body)), [page], headers);
});

test("damaged bodies and bombs are dropped for a reason and the next record is read", async () => {
  const after = warcResponse(HTML, "dalej");
  const cases: [body: Uint8Array, reason: string][] = [
    [gzipSync(Buffer.alloc(80_000_000, "a")), "!page-too-long"],
    [gzipSync("strona").subarray(0, 15), "!damaged-page"],
    [Buffer.alloc(1), "!damaged-page"],
  ];
  for (const [body, reason] of cases) {
    const file = Buffer.concat([warcResponse(`${HTML}\nContent-Encoding: gzip`, body), after]);
    assert.deepEqual(await read(file), [reason, "dalej"]);
  }
});

test("what is cut off or no WARC file is refused with its place", async () => {
  const file = warcResponse(HTML, "strona");
  await assert.rejects(read(file.subarray(0, -8)), /cut off inside a WARC record at byte \d+/);
  await assert.rejects(read(Buffer.from("<html>\r\n\r\n")), /not a WARC record at byte 0/);
  await assert.rejects(read(Buffer.alloc(100_000, "x")), /not a WARC record at byte 0/);
  await assert.rejects(read(Buffer.from("WARC/1.0\r\nContent-Length: -1\r\n\r\n")), /without a length/);
  await assert.rejects(read(Buffer.from("WARC/1.0\r\nWARC-Type: response\r\n\r\n")), /without a length/);
});

test("a header field of blanks takes no longer than one of letters", async () => {
  const since = performance.now();
  const page = warcResponse(`HTTP/1.1 200 OK\nContent-Type:\ttext/html${" ".repeat(200_000)}; \t`, "<p>tak");
  assert.deepEqual(await read(page), ["<p>tak"]);
  assert.ok(performance.now() - since < 1000, "reads each blank's row to its end");
});
