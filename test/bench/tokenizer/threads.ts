import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { printTable } from "./report.ts";
import { sampleTexts, type Texts } from "./texts.ts";

/** Text encoded by one worker, then by two that take half of it each. */
const BYTES = 60e6;

export interface EncodeWorkerData {
  readonly json: string;
  readonly texts: Texts;
  /** It takes every `step`th text, from `first` on. */
  readonly first: number;
  readonly step: number;
}

/** One worker against two, each with a tokenizer and cache of its own. */
export async function benchThreads(json: string, corpus: readonly Texts[]): Promise<void> {
  const texts = sampleTexts(corpus, BYTES);
  const one = await measure(json, texts, 1);
  const two = await measure(json, texts, 2);
  const row = (name: string, a: number, b: number) => [
    name,
    a.toFixed(1),
    b.toFixed(1),
    `${(b / a).toFixed(2)} ×`,
  ];
  printTable([
    [
      `encoding ${(texts.bytes.length / 1e6).toFixed(0)} MB of all, MB/s`,
      "one worker",
      "two workers",
      "ratio",
    ],
    row("empty caches", one.cold, two.cold),
    row("second time", one.warm, two.warm),
  ]);
}

async function measure(json: string, texts: Texts, count: number): Promise<{ cold: number; warm: number }> {
  const workers = Array.from({ length: count }, (_, first) => {
    const workerData: EncodeWorkerData = { json, texts, first, step: count };
    return new Worker(new URL("./encode.worker.ts", import.meta.url), { workerData });
  });
  const together = async (what: string): Promise<number> => {
    const start = performance.now();
    await Promise.all(
      workers.map((worker) => {
        worker.postMessage(what);
        return once(worker, "message");
      }),
    );
    return texts.bytes.length / 1e3 / (performance.now() - start);
  };
  await together("compile");
  const speeds = { cold: 0, warm: 0 };
  for (let run = 0; run < 3; run++) {
    await together("load");
    speeds.cold = Math.max(speeds.cold, await together("encode"));
    speeds.warm = Math.max(speeds.warm, await together("encode"));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return speeds;
}
