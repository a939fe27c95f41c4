import { once } from "node:events";
import { Worker } from "node:worker_threads";
import Fastify from "fastify";
import { buildServer } from "../../../tokenizer/serve/server.ts";
import { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { print, printTable, versionOf } from "./report.ts";

export interface HttpLoad {
  readonly url: string;
  readonly body: string;
  readonly connections: number;
  readonly milliseconds: number;
}

const CONNECTIONS = 16;
const MILLISECONDS = 5000;

/** Requests a second and times of answer against a bare echo of the same framework, which gets the same bodies. */
export async function benchHttp(json: string): Promise<void> {
  const limits = { maxConcurrency: 64, bodyLimit: 1e6, maxBatch: 64, timeoutMs: 10_000 };
  const { server } = buildServer({ tokenizer: Tokenizer.fromJson(json), sha256: "", ...limits });
  const echo = Fastify();
  echo.post("/echo", async (request) => request.body);
  const body = JSON.stringify({ text: "Dom stoi przy drodze, a w nim mieszka kot. ".repeat(16) });
  const listen = { port: 0, host: "127.0.0.1" };
  const [ours, bareEcho] = [await server.listen(listen), await echo.listen(listen)];
  const routes = [
    ["bare echo", `${bareEcho}/echo`],
    ["POST /count", `${ours}/count`],
    ["POST /tokenize", `${ours}/tokenize`],
  ] as const;
  const rows: string[][] = [];
  let bare: number | undefined;
  for (const [name, url] of routes) {
    await load({ url, body, connections: CONNECTIONS, milliseconds: 1000 }); // compiles the code
    const times = await load({ url, body, connections: CONNECTIONS, milliseconds: MILLISECONDS });
    const perSecond = times.length / (MILLISECONDS / 1000);
    bare ??= perSecond;
    const at = (share: number) => (times[Math.floor(times.length * share)] as number).toFixed(2);
    rows.push([name, perSecond.toFixed(0), (perSecond / bare).toFixed(2), at(0.5), at(0.99)]);
  }
  printTable([
    [`HTTP, ${CONNECTIONS} connections, 688 characters`, "requests/s", "of echo", "p50 ms", "p99 ms"],
    ...rows,
  ]);
  print(`fastify ${versionOf("fastify")}; the client has a thread of its own`);
  await Promise.all([server.close(), echo.close()]);
}

/** @returns milliseconds of every request, ascending */
async function load(workerData: HttpLoad): Promise<Float64Array> {
  const worker = new Worker(new URL("./http.worker.ts", import.meta.url), { workerData });
  const [times]: Float64Array[] = await once(worker, "message");
  return (times as Float64Array).sort();
}
