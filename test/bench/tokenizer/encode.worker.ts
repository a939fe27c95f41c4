/** A thread of threads.ts: loads a tokenizer anew, or encodes its share of the texts, as it is told. */
import { parentPort, workerData } from "node:worker_threads";
import { Tokenizer } from "../../../tokenizer/node.ts";
import { splitTexts } from "./texts.ts";
import type { EncodeWorkerData } from "./threads.ts";

const { json, texts, first, step }: EncodeWorkerData = workerData;
const mine = splitTexts(texts).filter((_, i) => i % step === first);
let tokenizer = Tokenizer.fromJson(json);

parentPort?.on("message", (what: "compile" | "load" | "encode") => {
  if (what === "load") tokenizer = Tokenizer.fromJson(json);
  else for (const text of what === "compile" ? mine.slice(0, 2000) : mine) tokenizer.encodeUtf8(text);
  parentPort?.postMessage("done");
});
