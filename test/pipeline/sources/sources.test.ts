import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { commandHost } from "../../support/apt3.ts";
import { polishText, writeJsonl } from "../../support/corpus.ts";
import { temporaryFolder } from "../../support/folders.ts";

/** A mirror on this machine, of the layout of Speakleash's, whose behaviour each test sets. */
const root = temporaryFolder();
const mirror = join(root, "mirror");
const SET = "web_artykuły_inne_1"; // a name with a Polish letter, as real ones have
let base = "";
let answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
const requests: string[] = [];

const server = createServer((request, response) => {
  const path = join(mirror, decodeURIComponent(request.url ?? ""));
  const method = request.method === "GET" ? "" : `${request.method} `;
  requests.push(`${method}${request.url} ${request.headers.range ?? ""}`.trim());
  if (existsSync(path)) answer(request, response, readFileSync(path));
  else response.writeHead(404).end();
});
const serve: typeof answer = (request, response, body) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = from > 0 ? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  const headers = { etag: '"1"', "content-length": body.length - from, ...range };
  response.writeHead(from > 0 ? 206 : 200, headers).end(body.subarray(from));
};

before(async () => {
  mkdirSync(mirror);
  const records = Array.from({ length: 40 }, (_, i) => ({ text: polishText(i) }));
  writeJsonl(join(mirror, `${SET}.jsonl.zst`), records);
  const file_size = readFileSync(join(mirror, `${SET}.jsonl.zst`)).length;
  writeFileSync(
    join(mirror, `${SET}.manifest`),
    JSON.stringify({ name: SET, license: "CC0-1.0", file_size, x: 1 }),
  );
  writeJsonl(
    join(mirror, "crawl.jsonl"),
    Array.from({ length: 40 }, (_, i) => ({ text: polishText(1000 + i) })),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  writeFileSync(
    join(root, "datasets.yaml"),
    `sources:
  - {name: remote, kind: speakleash, group: web, baseUrl: "${base}", datasets: ["${SET}", missing_set]}
  - {name: crawl, kind: http, group: web, licence: CC0-1.0, urls: ["${base}crawl.jsonl"]}
`,
  );
});
after(() => void server.close());

const run = commandHost(root);
const ingest = (out: string, ...words: string[]) =>
  run("ingest", "--out", out, "--workers", "1", "--json", ...words);
const lastLine = ({ stdout }: { stdout: string }) => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");

test("--plan fetches manifests and nothing else", async () => {
  answer = serve;
  const plan = lastLine(await ingest("plan", "--only", `${SET},crawl`, "--plan"));
  assert.deepEqual([plan.event, plan.datasets, plan.downloads], ["done", 2, 2]);
  assert.deepEqual(requests, [`/${encodeURIComponent(SET)}.manifest`, "HEAD /crawl.jsonl"]);
});

test("a download that breaks off and a busy server are tried again, from where it stopped", async () => {
  let attempts = 0;
  answer = (request, response, body) => {
    attempts += 1;
    if (attempts === 1) response.writeHead(503).end();
    else if (attempts === 2) {
      response.writeHead(200, { etag: '"1"', "content-length": body.length });
      // a reset right behind the bytes may overtake them: they are given time to arrive
      response.write(body.subarray(0, 1000), () => void setTimeout(() => response.destroy(), 300));
    } else serve(request, response, body);
  };
  requests.length = 0;
  const run = await ingest("remote", "--only", SET);
  assert.equal(lastLine(run).documentsKept, 40);
  assert.match(run.stderr, /\.jsonl\.zst: the server answers 503 .*; trying again in \d\.\d s\n/);
  assert.deepEqual(requests, [
    `/${encodeURIComponent(SET)}.jsonl.zst`,
    `/${encodeURIComponent(SET)}.jsonl.zst`,
    `/${encodeURIComponent(SET)}.jsonl.zst bytes=1000-`,
  ]);
});

test("what lies here is not fetched again, and a URL is a source too", async () => {
  answer = serve;
  requests.length = 0;
  const done = lastLine(await ingest("both", "--only", `${SET},crawl`));
  assert.equal(done.documentsKept, 80);
  assert.deepEqual(requests, ["HEAD /crawl.jsonl", "/crawl.jsonl"]);
});

test("what the server does not have is named", async () => {
  const { code, stderr } = await ingest("missing", "--only", "missing_set");
  assert.equal(code, 2);
  assert.match(
    stderr,
    /missing_set\.manifest: the server answers 404 Not Found; check the address and the name/,
  );
});
