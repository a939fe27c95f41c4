import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { after, describe, it } from "node:test";
import { Tokenizer } from "../../../tokenizer/index.ts";
import { buildServer } from "../../../tokenizer/serve/server.ts";
import { fixturePath } from "../fixtures.ts";

const tokenizer = Tokenizer.fromJson(await readFile(fixturePath("llama.json"), "utf8"));
const limits = {
  tokenizer,
  sha256: "0".repeat(64),
  maxConcurrency: 4,
  bodyLimit: 20_000,
  maxBatch: 3,
  timeoutMs: 2000,
};

describe("the HTTP server", () => {
  const { server, metrics } = buildServer(limits);
  after(() => server.close());
  const post = async (url: string, body: unknown) => {
    const response = await server.inject({ method: "POST", url, payload: body as object });
    return { status: response.statusCode, body: response.json() };
  };

  it("tokenizes, counts and detokenizes, one by one and in batches", async () => {
    const text = "Dom stoi przy drodze. </s>";
    const ids = [...tokenizer.encode(text)];
    assert.deepEqual(await post("/tokenize", { text }), { status: 200, body: { ids, count: ids.length } });
    const withSpecials = [...tokenizer.encode(text, { addBos: true, addEos: true, parseSpecials: true })];
    assert.deepEqual(
      (await post("/tokenize", { text, addBos: true, addEos: true, parseSpecials: true })).body.ids,
      withSpecials,
    );
    const { offsets } = (await post("/tokenize", { text, offsets: true })).body;
    assert.deepEqual(offsets.flat(), [...tokenizer.encodeWithOffsets(text).offsets]);
    assert.deepEqual((await post("/count", { text })).body, { count: ids.length });
    assert.deepEqual((await post("/detokenize", { ids: withSpecials, skipSpecials: true })).body, {
      text: tokenizer.decode(withSpecials, { skipSpecials: true }),
    });
    const texts = ["kot", "", "pies i kot"];
    assert.deepEqual((await post("/tokenize/batch", { texts })).body, {
      results: texts.map((item) => ({ ids: [...tokenizer.encode(item)], count: tokenizer.count(item) })),
    });
    assert.deepEqual((await post("/count/batch", { texts })).body, {
      results: texts.map((item) => ({ count: tokenizer.count(item) })),
    });
    assert.deepEqual((await post("/detokenize/batch", { batch: [ids, []] })).body, {
      results: [{ text: tokenizer.decode(ids) }, { text: "" }],
    });
  });

  const refused: [string, string, unknown, number, RegExp][] = [
    ["no text", "/tokenize", {}, 400, /^text is missing: expected string/],
    [
      "text of another type",
      "/tokenize",
      { text: 7 },
      400,
      /^text: expected string, received number, found 7/,
    ],
    ["an unknown member", "/count", { text: "a", txt: "b" }, 400, /"txt"/],
    ["a batch over the limit", "/count/batch", { texts: ["a", "b", "c", "d"] }, 400, /^texts: .*<=3/],
    ["an empty batch", "/count/batch", { texts: [] }, 400, /^texts/],
    ["an id of no token", "/detokenize", { ids: [5, 1_000_000] }, 400, /id 1000000 belongs to no token/],
    ["a negative id", "/detokenize", { ids: [-1] }, 400, /^ids\[0\]/],
    ["a body over the limit", "/tokenize", { text: "x".repeat(30_000) }, 413, /too large/],
    ["an endpoint there is not", "/tokenise", { text: "a" }, 404, /no POST \/tokenise here/],
  ];
  for (const [name, url, body, status, message] of refused) {
    it(`refuses ${name}: ${status}`, async () => {
      const answer = await post(url, body);
      assert.equal(answer.status, status);
      assert.equal(answer.body.error.status, status);
      assert.match(answer.body.error.message, message);
    });
  }

  it("refuses what is not JSON, and other content types", async () => {
    const send = (payload: string, type: string) =>
      server.inject({ method: "POST", url: "/tokenize", payload, headers: { "content-type": type } });
    assert.equal((await send("{", "application/json")).statusCode, 400);
    assert.equal((await send("text=a", "application/x-www-form-urlencoded")).statusCode, 415);
  });

  it("answers /health, /metrics and /openapi.json", async () => {
    const { body } = { body: (await server.inject("/health")).json() };
    assert.deepEqual([body.status, body.vocabSize, body.engine], ["ok", tokenizer.vocabSize, "apt3"]);
    const figures = (await server.inject("/metrics")).body;
    assert.match(figures, /^apt3_requests_total\{route="\/tokenize",status="200"\} [1-9]/m);
    assert.match(figures, /^apt3_requests_total\{route="none",status="404"\} 1$/m);
    assert.match(figures, /^apt3_requests_in_flight 0$/m);
    for (const name of ["requests_total", "tokens_total", "requests_in_flight", "request_seconds"]) {
      assert.match(figures, new RegExp(`^# HELP apt3_${name} .+\\.\n# TYPE apt3_${name} [a-z]+$`, "m"));
    }
    assert.ok(metrics.tokens > 0);
    const { openapi, paths } = (await server.inject("/openapi.json")).json();
    assert.equal(openapi, "3.1.0");
    for (const path of ["/tokenize", "/detokenize", "/count"].flatMap((name) => [name, `${name}/batch`])) {
      assert.equal(paths[path].post.requestBody.content["application/json"].schema.type, "object", path);
    }
  });
});

describe("the HTTP server under load", () => {
  /** A request whose body never comes to its end. */
  const stalled = (port: number) => {
    const open = request({
      port,
      host: "127.0.0.1",
      path: "/count",
      method: "POST",
      headers: { "content-type": "application/json", "content-length": 100 },
    });
    open.on("error", () => undefined);
    open.write('{"text":');
    return open;
  };
  const until = async (holds: () => boolean) => {
    for (let i = 0; i < 500 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(holds());
  };

  it("answers 429 beyond the limit, drops requests that do not arrive, and goes on", async () => {
    const { server, metrics } = buildServer({ ...limits, maxConcurrency: 2, timeoutMs: 1000 });
    const address = await server.listen({ port: 0, host: "127.0.0.1" });
    const port = Number(new URL(address).port);
    const open = [stalled(port), stalled(port)];
    await until(() => metrics.inFlight === 2);
    const count = () =>
      fetch(`${address}/count`, {
        method: "POST",
        body: '{"text":"kot"}',
        headers: { "content-type": "application/json" },
      });
    const refused = await count();
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("retry-after"), "1");
    assert.equal((await fetch(`${address}/health`)).status, 200);
    for (const stuck of open) stuck.destroy();
    await until(() => metrics.inFlight === 0);
    assert.equal((await count()).status, 200);
    await server.close();
  });

  it("finishes the requests under way when it is closed", async () => {
    const { server, metrics } = buildServer(limits);
    const address = await server.listen({ port: 0, host: "127.0.0.1" });
    const open = stalled(Number(new URL(address).port));
    const answer = new Promise<number | undefined>((resolve) =>
      open.on("response", (response) => resolve(response.statusCode)),
    );
    await until(() => metrics.inFlight === 1);
    const closed = server.close();
    const rest = '"kot"}';
    open.end(rest + " ".repeat(100 - '{"text":'.length - rest.length));
    assert.equal(await answer, 200);
    await closed;
    await assert.rejects(fetch(`${address}/health`));
  });
});
