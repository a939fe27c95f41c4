import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import type { Download } from "../../../pipeline/sources/dataset.ts";
import { downloadAll } from "../../../pipeline/sources/download.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { cutAfter, fileServer, QUICK, serve, status } from "./file-server.ts";

const root = temporaryFolder();
const folder = join(root, "raw");
const path = join(folder, "a.bin");
const server = fileServer();
const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const other = Buffer.from(body.map((byte) => byte ^ 0xff));

beforeEach(() => rmSync(folder, { recursive: true, force: true }));

/** Downloads `a.bin`; the message of its failure, if it failed. */
async function download(extra: Partial<Download> = {}, policy = QUICK): Promise<string | undefined> {
  const wanted = { dataset: "a", url: `${server.base}a.bin`, path, bytes: undefined, ...extra };
  const [failed] = await downloadAll([wanted], silentContext(), policy);
  return failed?.message;
}

/** The file is whole, and nothing lies beside it. */
function assertWhole(expected: Buffer = body): void {
  assert.ok(readFileSync(path).equals(expected), "other bytes than the server's");
  assert.deepEqual(readdirSync(folder), ["a.bin"]);
}

test("a cut connection is taken up where it broke, held to the version by ETag or date", async () => {
  for (const headers of [
    { etag: '"v1"' },
    { "last-modified": "Mon, 02 Nov 2026 10:00:00 GMT" },
    { etag: 'W/"weak"', "last-modified": "Mon, 02 Nov 2026 10:00:00 GMT" },
  ]) {
    rmSync(folder, { recursive: true, force: true });
    server.script(cutAfter(100_000, body, headers), serve(body, headers));
    assert.equal(await download(), undefined);
    const validator = headers.etag?.startsWith('"') ? headers.etag : headers["last-modified"];
    assert.deepEqual(server.requests, ["GET /a.bin", `GET /a.bin bytes=100000- if ${validator}`]);
    assertWhole();
  }
});

test("without ETag and date nothing is spliced: the file is fetched from its beginning", async () => {
  server.script(cutAfter(100_000, body, {}), serve(body, {}));
  assert.equal(await download(), undefined);
  assert.deepEqual(server.requests, ["GET /a.bin", "GET /a.bin"]);
  assertWhole();
});

test("a file that changed between two attempts is fetched from its beginning, never spliced", async () => {
  server.script(cutAfter(100_000, body), serve(other, { etag: '"v2"' }));
  assert.equal(await download(), undefined);
  assert.equal(server.requests.length, 2);
  assertWhole(other);
});

test("a server that ignores If-Range is caught by the ETag, and by the size, of what it sends", async () => {
  for (const [etag, size] of [
    ['"v2"', 300_000],
    ['"v1"', 299_999],
  ] as const) {
    rmSync(folder, { recursive: true, force: true });
    const splice = (_request: unknown, response: ServerResponse) =>
      void response
        .writeHead(206, {
          etag,
          "content-range": `bytes 100000-${size - 1}/${size}`,
          "content-length": size - 100_000,
        })
        .end(other.subarray(100_000, size));
    server.script(cutAfter(100_000, body), splice, serve(other, { etag: '"v2"' }));
    assert.equal(await download(), undefined);
    assert.equal(server.requests.length, 3);
    assertWhole(other);
  }
});

test("a server that ignores ranges sends all, and all is taken", async () => {
  const whole = (_request: unknown, response: ServerResponse) =>
    void response.writeHead(200, { etag: '"v1"', "content-length": body.length }).end(body);
  server.script(cutAfter(100_000, body), whole);
  assert.equal(await download(), undefined);
  assertWhole();
});

test("the next run goes on where a killed one stopped, also behind the last byte", async () => {
  server.script(cutAfter(100_000, body), status(404));
  assert.match((await download()) ?? "", /404/);
  assert.deepEqual(readdirSync(folder).sort(), ["a.bin.partial", "a.bin.partial.json"]);
  server.script(serve(body));
  assert.equal(await download(), undefined);
  assert.deepEqual(server.requests, ['GET /a.bin bytes=100000- if "v1"']);
  assertWhole();

  rmSync(path);
  writeFileSync(`${path}.partial`, body);
  writeFileSync(
    `${path}.partial.json`,
    JSON.stringify({ url: `${server.base}a.bin`, etag: '"v1"', bytes: body.length }),
  );
  server.script();
  assert.equal(await download(), undefined);
  assert.deepEqual(server.requests, []);
  assertWhole();
});

test("leftovers of another address, or with a damaged note, are not built upon", async () => {
  for (const note of [JSON.stringify({ url: "http://127.0.0.1:1/b", etag: '"v1"' }), "{", undefined]) {
    rmSync(path, { force: true });
    server.script(cutAfter(100_000, body), status(404));
    await download();
    if (note === undefined) rmSync(`${path}.partial.json`);
    else writeFileSync(`${path}.partial.json`, note);
    server.script(serve(body));
    assert.equal(await download(), undefined);
    assert.deepEqual(server.requests, ["GET /a.bin"]);
    assertWhole();
  }
});

test("a stall, 5xx, 429 and 408 are tried again; Retry-After is kept to", async () => {
  const stall = (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { etag: '"v1"', "content-length": body.length });
    response.write(body.subarray(0, 70_000));
  };
  server.script(stall, status(503), serve(body));
  assert.equal(await download(), undefined);
  assert.deepEqual(server.requests, [
    "GET /a.bin",
    'GET /a.bin bytes=70000- if "v1"',
    'GET /a.bin bytes=70000- if "v1"',
  ]);
  assertWhole();

  rmSync(path);
  server.script(() => undefined, status(408), serve(body));
  assert.equal(await download(), undefined, "silence before the answer");
  assertWhole();

  rmSync(path);
  server.script(status(429, { "retry-after": "1" }), serve(body));
  const start = performance.now();
  assert.equal(await download({}, { ...QUICK, maxPauseMs: 2000 }), undefined);
  assert.ok(performance.now() - start >= 990, "came back before the second was over");
  assertWhole();
});

test("attempts that bring nothing are counted, those that bring something renew the patience", async () => {
  server.script(status(500), status(502), status(503), serve(body));
  assert.match((await download()) ?? "", /a\.bin: the server answers 503/);
  assert.equal(server.requests.length, 3);

  const cutRest = (bytes: number) => (request: IncomingMessage, response: ServerResponse) => {
    const from = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` };
    response.writeHead(from > 0 ? 206 : 200, {
      etag: '"v1"',
      "content-length": body.length - from,
      ...range,
    });
    response.write(body.subarray(from, from + bytes), () => void setTimeout(() => response.destroy(), 150));
  };
  server.script(cutRest(70_000), cutRest(70_000), cutRest(70_000), cutRest(70_000), serve(body));
  assert.equal(await download(), undefined);
  assert.equal(server.requests.length, 5);
  assertWhole();
});

test("a lie about the length is no whole file", async () => {
  // more promised than sent, on a connection that ends in order
  const short = (_request: unknown, response: ServerResponse) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${"x".repeat(1000)}`);
  };
  server.script(short, short, short);
  assert.match((await download()) ?? "", /a\.bin: cannot be fetched/);
  assert.equal(existsSync(path), false);

  server.script(serve(body));
  assert.match(
    (await download({ statedBytes: 299_999 })) ?? "",
    /the server has 300000 bytes, its manifest states 299999/,
  );
  assert.equal(server.requests.length, 1);
  assert.equal(existsSync(path), false);

  const unsaid = (_request: unknown, response: ServerResponse) => void response.writeHead(200).end(body);
  server.script(unsaid);
  assert.match(
    (await download({ statedBytes: 299_999 })) ?? "",
    /brought 300000 bytes, its manifest states 299999/,
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("the SHA-256 that datasets.yaml states is checked before the file gets its name", async () => {
  const sha256 = createHash("sha256").update(body).digest("hex");
  server.script(serve(body));
  assert.equal(await download({ sha256 }), undefined);
  assertWhole();
  rmSync(path);
  server.script(serve(other));
  assert.match((await download({ sha256 })) ?? "", /its SHA-256 is not the one datasets\.yaml states/);
  assert.deepEqual(readdirSync(folder), []);
});

test("redirects are followed, five at most, and only to http", async () => {
  const to = (location: string) => status(302, { location });
  server.script(to("/b"), to("c?x=1"), serve(body));
  assert.equal(await download(), undefined);
  assert.deepEqual(server.requests, ["GET /a.bin", "GET /b", "GET /c?x=1"]);
  assertWhole();
  rmSync(path);
  server.script(...Array.from({ length: 10 }, () => to("/a.bin")));
  assert.match((await download()) ?? "", /redirected more than 5 times/);
  assert.equal(server.requests.length, 6);
  for (const location of ["file:///etc/passwd", "http://[", "ftp://127.0.0.1/"]) {
    server.script(to(location));
    assert.match((await download()) ?? "", /redirects to .*, which is not followed/);
  }
});

test("what cannot be had fails alone: the others are fetched", async () => {
  const good = { dataset: "b", url: `${server.base}b.bin`, path: join(folder, "b.bin"), bytes: undefined };
  const bad = { dataset: "a", url: `${server.base}a.bin`, path, bytes: undefined };
  const away = { dataset: "c", url: "http://127.0.0.1:1/c", path: join(folder, "c.bin"), bytes: undefined };
  server.script(status(404), serve(body));
  const failed = await downloadAll([bad, good, away], silentContext(), { ...QUICK, concurrency: 1 });
  assert.deepEqual(
    failed.map(({ dataset }) => dataset),
    ["a", "c"],
  );
  assert.match(failed[0]?.message ?? "", /404 Not Found; check the address and the name in datasets\.yaml/);
  assert.match(failed[1]?.message ?? "", /cannot be fetched .*check the address and your connection/);
  assert.ok(readFileSync(good.path).equals(body));
});

test("a disk without room is refused before the first byte, and noticed while it fills", async () => {
  server.script(serve(body));
  const full = { ...QUICK, freeBytes: async () => 300_000_000 };
  await assert.rejects(download({ bytes: 100_000_000 }, full), {
    name: "UserError",
    message: /100 MB to fetch and 256 MB to keep free, but the disk has 300 MB left/,
  });
  assert.deepEqual(server.requests, []);

  const large = Buffer.alloc(70_000_000);
  let asked = 0;
  const filling = { ...QUICK, freeBytes: async () => (asked++ === 0 ? 1e9 : 1e8) };
  server.script(serve(large));
  await assert.rejects(download({}, filling), { name: "UserError", message: /only 100 MB left on the disk/ });
  assert.equal(existsSync(path), false);
});

test("the bandwidth limit holds for all downloads together", async () => {
  server.script(serve(body), serve(body));
  const two = ["x", "y"].map((dataset) => ({
    dataset,
    url: `${server.base}${dataset}`,
    path: join(folder, dataset),
    bytes: undefined,
  }));
  const start = performance.now();
  assert.deepEqual(
    await downloadAll(two, silentContext(), { ...QUICK, stallMs: 5000, bytesPerSecond: 1_000_000 }),
    [],
  );
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds > 0.45, `600 kB at 1 MB/s took ${seconds} s`);
});

test("an interrupted download leaves what it has for the next run", async () => {
  const controller = new AbortController();
  server.script((_request, response) => {
    response.writeHead(200, { etag: '"v1"', "content-length": body.length });
    response.write(body.subarray(0, 100_000));
    const arrived = () => existsSync(`${path}.partial`) && statSync(`${path}.partial`).size === 100_000;
    const timer = setInterval(() => {
      if (!arrived()) return;
      clearInterval(timer);
      controller.abort(new Error("stop"));
    }, 5);
  });
  const wanted = { dataset: "a", url: `${server.base}a.bin`, path, bytes: undefined };
  await assert.rejects(
    downloadAll([wanted], silentContext(controller.signal), { ...QUICK, stallMs: 5000 }),
    /stop/,
  );
  server.script(serve(body));
  assert.equal(await download(), undefined);
  assert.deepEqual(server.requests, ['GET /a.bin bytes=100000- if "v1"']);
  assertWhole();
});
