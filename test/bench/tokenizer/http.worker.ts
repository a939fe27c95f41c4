/** The client of http.ts: posts the same body over and over, on so many connections at once. */
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import type { HttpLoad } from "./http.ts";

const { url, body, connections, milliseconds }: HttpLoad = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
const times: number[] = [];
const start = performance.now();

const post = () =>
  new Promise<void>((done, fail) => {
    const sent = performance.now();
    const outgoing = request(url, { method: "POST", agent, headers }, (answer) => {
      if (answer.statusCode !== 200) fail(new Error(`answered ${answer.statusCode}`));
      answer.resume().on("end", () => {
        times.push(performance.now() - sent);
        done();
      });
    });
    outgoing.on("error", fail).end(body);
  });

await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() - start < milliseconds) await post();
  }),
);
agent.destroy();
parentPort?.postMessage(Float64Array.from(times));
