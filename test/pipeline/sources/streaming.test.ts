import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { test } from "node:test";
import { type IngestOptions, ingest } from "../../../pipeline/ingest.ts";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { readRemote } from "../../../pipeline/sources/remote-input.ts";
import { polishText, writeJsonl } from "../../support/corpus.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { cutAfter, fileServer, QUICK, serve, status } from "./file-server.ts";

const root = temporaryFolder();
const server = fileServer();
const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const other = Buffer.from(body.map((byte) => byte ^ 0xff));

/** All bytes of the streamed file, or the message of what stopped it. */
async function read(bytes = 0): Promise<Buffer | string> {
  const signal = new AbortController().signal;
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of readRemote({ url: `${server.base}a`, bytes }, QUICK, signal))
      chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "CorruptInput", String(error));
    return error.message;
  }
}

const assertWhole = (found: Buffer | string) =>
  assert.ok(Buffer.from(found).equals(body), String(found).slice(0, 200));

test("a stream that breaks is taken up where it broke, held to its version", async () => {
  server.script(cutAfter(100_000, body), status(503), cutAfter(200_000, body), serve(body));
  // the server that cuts again ignores the range: what is known of the file is compared, not read twice
  assertWhole(await read());
  assert.deepEqual(server.requests.slice(0, 3), [
    "GET /a",
    'GET /a bytes=100000- if "v1"',
    'GET /a bytes=100000- if "v1"',
  ]);
});

test("without ETag and date it is read from its beginning, which must be the same", async () => {
  server.script(cutAfter(100_000, body, {}), serve(body, {}));
  assertWhole(await read());
  assert.deepEqual(server.requests, ["GET /a", "GET /a"]);
  server.script(cutAfter(100_000, body, {}), serve(other, {}));
  assert.equal(await read(), "changed on the server while it was being read");
  server.script(cutAfter(100_000, body, {}), serve(body.subarray(0, 50_000), {}));
  assert.equal(await read(), "changed on the server while it was being read");
});

test("a file that changes while it is read is not spliced", async () => {
  server.script(cutAfter(100_000, body), serve(other, { etag: '"v2"' }));
  assert.equal(await read(), "changed on the server while it was being read");
});

test("a file that vanishes, stalls for good or is of another size than its manifest states is named", async () => {
  server.script(cutAfter(100_000, body), status(404));
  assert.match(String(await read()), /the server answers 404/);
  const stall = (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { etag: '"v1"', "content-length": body.length });
    response.write(body.subarray(0, 1000));
  };
  server.script(stall, stall, stall, stall);
  assert.match(String(await read()), /nothing came for 0.15 s/);
  server.script(serve(body));
  assert.match(String(await read(299_999)), /the server has 300000 bytes, not 299999/);
  server.script((_request, response) => void response.writeHead(200).end(body));
  assert.match(String(await read(299_999)), /brought 300000 bytes, not 299999/);
  server.script(serve(body));
  assertWhole(await read(300_000));
});

const documents = Array.from({ length: 3000 }, (_, i) => `${JSON.stringify({ text: polishText(i, 60) })}\n`);
const large = Buffer.from(documents.join(""));

function run(yaml: string, out: string, options: Partial<IngestOptions> = {}) {
  const config = join(root, `${out}.yaml`);
  writeFileSync(config, `downloads: raw\n${yaml}`);
  return ingest({ config, out: join(root, out), workers: 1, nearDedup: false, ...options }, silentContext());
}
const http = (name: string, extra = "") =>
  `{name: ${name}, kind: http, group: all, licence: CC0-1.0, urls: ["${server.base}${name}.jsonl"]${extra}}`;

test("--limit fetches only the beginning of a remote file, and stores nothing", async () => {
  let sent = 0;
  function* pieces() {
    for (; sent < large.length; sent += 65_536) yield large.subarray(sent, sent + 65_536);
  }
  const counted = (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { etag: '"v1"', "content-length": large.length });
    pipeline(Readable.from(pieces()), response, () => undefined); // sends as fast as it is taken
  };
  server.script(serve(large), counted);
  const { datasets } = await run(`sources: [${http("big")}]`, "limited", { limit: 300_000 });
  const { bytesRead } = datasets[0]?.statistics ?? assert.fail();
  assert.ok(bytesRead > 250_000 && bytesRead < 310_000, `${bytesRead} bytes read`);
  assert.deepEqual(server.requests, ["HEAD /big.jsonl", "GET /big.jsonl"]);
  assert.ok(sent < large.length / 2, `${sent} of ${large.length} bytes came over the line`);
  assert.ok(!existsSync(join(root, "raw/big")));
});

test("a streamed source that vanishes half-way is left out whole, and the others are done", async () => {
  writeJsonl(join(root, "here.jsonl"), [{ text: polishText(9000) }]);
  const files = "{name: here, kind: files, group: all, licence: CC0-1.0, path: here.jsonl}";
  server.script(serve(large), cutAfter(5_000_000, large), status(410));
  const { datasets, failed, shards } = await run(
    `sources: [${http("big", ", stream: true")}, ${files}]`,
    "vanished",
    { shardTextBytes: 1_000_000 },
  );
  assert.deepEqual(
    [datasets.map(({ name }) => name), failed.map(({ dataset }) => dataset)],
    [["here"], ["big"]],
  );
  assert.match(failed[0]?.message ?? "", /big\.jsonl: the server answers 410/);
  assert.deepEqual(
    shards.map(({ dataset }) => dataset),
    ["here"],
  );
  assert.ok(!readdirSync(join(root, "vanished")).some((name) => name.startsWith("big")));
});

test("names of an index that lead elsewhere are refused, a manifest that lies leaves its data set out", async () => {
  const mirror = join(root, "mirror");
  mkdirSync(mirror);
  const names = ["good", "../escape", "a/b", "..", "line\nbreak", "short"];
  writeFileSync(join(mirror, "speakleash.json"), JSON.stringify(names.map((name) => ({ name }))));
  for (const name of ["good", "short"]) {
    writeJsonl(join(mirror, `${name}.jsonl.zst`), [{ text: polishText(name.length) }]);
    const { length } = readFileSync(join(mirror, `${name}.jsonl.zst`));
    const file_size = name === "good" ? length : length + 1;
    writeFileSync(join(mirror, `${name}.manifest`), JSON.stringify({ name, license: "CC0-1.0", file_size }));
  }
  const { datasets, failed } = await run(
    "sources: [{name: all-of-it, kind: speakleash, group: all, baseUrl: mirror, datasets: all}]",
    "names",
  );
  assert.deepEqual(
    datasets.map(({ name }) => name),
    ["good"],
  );
  assert.deepEqual(failed.map(({ dataset }) => dataset).sort(), [
    '".."',
    '"../escape"',
    '"a/b"',
    '"line\\nbreak"',
    "short",
  ]);
  assert.match(failed.at(-1)?.message ?? "", /short\.jsonl\.zst: has \d+ bytes, short\.manifest states \d+/);
  assert.ok(failed.every(({ message }) => !message.includes("\n")));
});
