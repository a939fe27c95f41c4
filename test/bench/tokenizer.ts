import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import Fastify from "fastify";
import { Tokenizer as ReferenceTokenizer } from "tokenizers";
import { openCorpus, readTexts } from "../../pipeline/corpus.ts";
import { silentContext } from "../../pipeline/runtime/command.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { buildServer } from "../../tokenizer/serve/server.ts";
import { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { trainTokenizer } from "../../tokenizer/training/train-tokenizer.ts";
import { writeGrownCorpus } from "./grown-corpus.ts";

const print = (text: string) => void process.stdout.write(`${text}\n`);
const PEERS = new URL("./tokenizer_peers.py", import.meta.url).pathname;

/**
 * `npm run bench -- tokenizer [--corpus PATH] [--python PATH] [--megabytes N] [--grown GB]`: training, encoding and
 * HTTP against peers, in one run. `--grown` writes a corpus of so many GB with growing words, and trains on it alone.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      corpus: { type: "string", default: new URL("../../../shared/corpus", import.meta.url).pathname },
      python: { type: "string" },
      megabytes: { type: "string", default: "20" },
      grown: { type: "string" },
    },
  });
  if (!existsSync(values.corpus))
    return print(`not measured: no corpus at ${values.corpus}; give --corpus PATH`);
  const folder = mkdtempSync(join(tmpdir(), "apt3-bench-"));
  try {
    const texts: string[] = [];
    for (const file of (await openCorpus(values.corpus)).files) {
      for await (const batch of readTexts(file)) texts.push(...batch.texts);
    }
    if (values.grown !== undefined) return await benchGrown(folder, texts, Number(values.grown));
    const json = await benchTraining(folder, values.corpus, texts, values.python);
    await benchEncoding(folder, json, everyNth(texts, Number(values.megabytes) * 1e6), values.python);
    await benchHttp(Tokenizer.fromJson(json));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Texts from all over the corpus, about `bytes` together. */
function everyNth(texts: readonly string[], bytes: number): string[] {
  const total = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const step = Math.max(1, Math.round(total / bytes));
  return texts.filter((_, i) => i % step === 0);
}

const options = { vocabSize: 31_980, limitAlphabet: 113, heldOutShare: 0, workers: 2, memoryBytes: 4e9 };

async function benchTraining(
  folder: string,
  corpus: string,
  texts: readonly string[],
  python: string | undefined,
): Promise<string> {
  const out = join(folder, "tokenizer");
  const start = performance.now();
  await trainTokenizer({ ...options, input: corpus, out }, silentContext());
  const seconds = (performance.now() - start) / 1000;
  const rss = process.resourceUsage().maxRSS / 1000; // this process also holds the texts
  const rows: (string | number)[][] = [
    ["training to 31,980, 2 threads", "s", "MB of memory", "times ours"],
    ["apt3", seconds.toFixed(1), rss.toFixed(0), "1"],
  ];
  const input = join(folder, "texts.jsonl");
  writeFileSync(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  for (const peer of runPeers(python, "train", input)) {
    rows.push([
      peer.name,
      peer.seconds.toFixed(1),
      peer.megabytes.toFixed(0),
      (peer.seconds / seconds).toFixed(1),
    ]);
  }
  print(formatTable(rows));
  print("");
  return readFileSync(join(out, "tokenizer.json"), "utf8");
}

async function benchEncoding(
  folder: string,
  json: string,
  texts: readonly string[],
  python: string | undefined,
): Promise<void> {
  const bytes = texts.map((text) => Buffer.from(text));
  const megabytes = bytes.reduce((sum, text) => sum + text.length, 0) / 1e6;
  const speed = (encode: () => void): number => {
    const start = performance.now();
    encode();
    return megabytes / ((performance.now() - start) / 1000);
  };
  const all = (tokenizer: Tokenizer) => speed(() => bytes.forEach((text) => void tokenizer.encodeUtf8(text)));
  all(Tokenizer.fromJson(json)); // compiles the code
  const tokenizer = Tokenizer.fromJson(json);
  const [cold, warm] = [all(tokenizer), Math.max(all(tokenizer), all(tokenizer))];

  const some = texts.slice(0, Math.ceil(texts.length / 10));
  const someMegabytes = some.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  const reference = ReferenceTokenizer.fromString(json);
  let start = performance.now();
  for (const text of some) await reference.encode(text, null, { addSpecialTokens: false });
  const rust = someMegabytes / ((performance.now() - start) / 1000);
  const javascript = new HuggingFaceTokenizer(JSON.parse(json), {});
  start = performance.now();
  for (const text of some) javascript.encode(text, { add_special_tokens: false });
  const huggingface = someMegabytes / ((performance.now() - start) / 1000);

  const rows: [string, number][] = [
    ["apt3, empty cache", cold],
    ["apt3, second time", warm],
    ["npm tokenizers 0.23.2 (Rust)", rust],
    ["@huggingface/tokenizers 0.2.0", huggingface],
  ];
  const input = join(folder, "sample.jsonl");
  writeFileSync(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  const path = join(folder, "tokenizer", "tokenizer.json");
  for (const peer of runPeers(python, "encode", input, path))
    rows.push([peer.name, peer.megabytes / peer.seconds]);
  print(
    formatTable([
      [`encoding ${megabytes.toFixed(0)} MB, one thread`, "MB/s", "of apt3 cold"],
      ...rows.map(([name, value]) => [name, value.toFixed(1), `1/${(cold / value).toFixed(1)}`]),
    ]),
  );
  print("");
}

async function benchHttp(tokenizer: Tokenizer): Promise<void> {
  const limits = { maxConcurrency: 64, bodyLimit: 1e6, maxBatch: 64, timeoutMs: 10_000 };
  const { server } = buildServer({ tokenizer, sha256: "", ...limits });
  const echo = Fastify();
  echo.post("/echo", async (request) => request.body);
  const rows: string[][] = [
    ["HTTP, 16 connections, texts of 700 characters", "requests/s", "p50 ms", "p99 ms"],
  ];
  const text = "Dom stoi przy drodze, a w nim mieszka kot. ".repeat(16);
  for (const [name, app, path] of [
    ["POST /tokenize", server, "/tokenize"],
    ["POST /count", server, "/count"],
    ["bare echo of the same framework", echo, "/echo"],
  ] as const) {
    if (app.server.listening === false) await app.listen({ port: 0, host: "127.0.0.1" });
    const address = app.server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}${path}`;
    const body = JSON.stringify({ text });
    const headers = { "content-type": "application/json" };
    const times: number[] = [];
    const start = performance.now();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (performance.now() - start < 3000) {
          const sent = performance.now();
          await (await fetch(url, { method: "POST", body, headers })).arrayBuffer();
          times.push(performance.now() - sent);
        }
      }),
    );
    times.sort((a, b) => a - b);
    const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
    rows.push([name, (times.length / 3).toFixed(0), at(0.5), at(0.99)]);
  }
  print(formatTable(rows));
  print("client and server share this process: the figures compare, they are no capacity");
  await Promise.all([server.close(), echo.close()]);
}

async function benchGrown(folder: string, texts: readonly string[], gigabytes: number): Promise<void> {
  await writeGrownCorpus(join(folder, "grown.jsonl.zst"), texts, gigabytes * 1e9);
  const bin = new URL("../../bin/apt3.ts", import.meta.url).pathname;
  const words = ["--input", join(folder, "grown.jsonl.zst"), "--out", join(folder, "out"), "--memory", "1GB"];
  const start = performance.now();
  const { stdout } = spawnSync(process.execPath, [bin, "train-tokenizer", ...words], { encoding: "utf8" });
  const seconds = (performance.now() - start) / 1000;
  print(stdout);
  print(
    `${gigabytes} GB in ${seconds.toFixed(0)} s, ${(seconds / gigabytes).toFixed(1)} s a GB, --memory 1GB`,
  );
}

interface Peer {
  readonly name: string;
  readonly seconds: number;
  /** Of memory when training, of text when encoding. */
  readonly megabytes: number;
}

/** Python's tokenizers, SentencePiece and tiktoken, each in a process of its own. */
function runPeers(python: string | undefined, ...words: string[]): Peer[] {
  if (python === undefined) {
    print(
      "not measured: PyPI tokenizers, SentencePiece, tiktoken; give --python PATH to a Python that has them",
    );
    return [];
  }
  return ["tokenizers", "sentencepiece", "tiktoken"].flatMap((peer) => {
    const { status, stdout, stderr } = spawnSync(python, [PEERS, peer, ...words], {
      encoding: "utf8",
      env: { ...process.env, RAYON_NUM_THREADS: words[0] === "train" ? "2" : "1" },
    });
    if (status === 0) return stdout === "" ? [] : [JSON.parse(stdout) as Peer];
    print(`not measured: ${peer} (${stderr.trim().split("\n").at(-1)})`);
    return [];
  });
}
