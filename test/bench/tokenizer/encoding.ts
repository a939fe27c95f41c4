import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { Tokenizer as ReferenceTokenizer } from "tokenizers";
import { Tokenizer } from "../../../tokenizer/node.ts";
import { runPeers } from "./peers.ts";
import { print, printTable, versionOf } from "./report.ts";
import { sampleTexts, splitTexts, type Texts } from "./texts.ts";

/** Of the sample that is encoded by us and the peers; the slow ones take a tenth of it. */
const SAMPLE_BYTES = 20e6;

/** The fastest of so many runs counts. */
const RUNS = 3;

/** One thread: how fast we encode each file of a corpus, and a sample of all of it against the peers. */
export async function benchEncoding(
  folder: string,
  json: string,
  corpus: readonly Texts[],
  python: string | undefined,
): Promise<void> {
  const native = Tokenizer.fromJson(json).engine === "apt3-native";
  if (!native) print("not measured: apt3's native encoder; it was not built here");
  const engines = native ? [true, false] : [false];
  for (const native of engines) {
    const speeds = corpus.map((texts) => ({ texts, ...measureOurs(json, texts, native) }));
    printTable([
      [`encoding with ${nameOf(native)}, one thread`, "MB", "MB/s, empty cache", "MB/s, second time"],
      ...speeds.map(({ texts, cold, warm }) => [
        texts.name,
        (texts.bytes.length / 1e6).toFixed(1),
        cold.toFixed(1),
        warm.toFixed(1),
      ]),
    ]);
  }

  const sample = sampleTexts(corpus, SAMPLE_BYTES);
  const ours = engines.map((native) => ({ name: nameOf(native), ...measureOurs(json, sample, native) }));
  const tenth = splitTexts(sample)
    .filter((_, i) => i % 10 === 0)
    .map((bytes) => Buffer.from(bytes).toString());
  const reference = ReferenceTokenizer.fromString(json);
  const rust = await measure(tenth, (text) => reference.encode(text, null, { addSpecialTokens: false }));
  const huggingFace = new HuggingFaceTokenizer(JSON.parse(json), {});
  const javaScript = await measure(tenth, (text) => huggingFace.encode(text, { add_special_tokens: false }));

  const input = join(folder, "sample.jsonl");
  const lines = splitTexts(sample).map(
    (text) => `${JSON.stringify({ text: Buffer.from(text).toString() })}\n`,
  );
  writeFileSync(input, lines.join(""));
  const rows: [string, number][] = [
    ...ours.flatMap(({ name, cold, warm }): [string, number][] => [
      [`${name}, empty cache`, cold],
      [`${name}, second time`, warm],
    ]),
    [`npm tokenizers ${versionOf("tokenizers")} (Rust)`, rust],
    [`@huggingface/tokenizers ${versionOf("@huggingface/tokenizers")} (JavaScript)`, javaScript],
  ];
  for (const peer of runPeers(python, "encode", input, join(folder, "tokenizer", "tokenizer.json"))) {
    rows.push([peer.name, peer.megabytes / peer.seconds]);
  }
  printTable([
    [
      `encoding ${(sample.bytes.length / 1e6).toFixed(0)} MB of all, one thread`,
      "MB/s",
      `${ours[0]?.name} (empty cache) is faster`,
    ],
    ...rows.map(([name, speed]) => [
      name,
      speed.toFixed(1),
      `${((ours[0]?.cold ?? 0) / speed).toFixed(1)} ×`,
    ]),
  ]);
}

const nameOf = (native: boolean) => (native ? "apt3 (C++)" : "apt3 (TypeScript)");

/** MB/s of an encoder that has met no word yet, and of one that has met all. */
function measureOurs(json: string, texts: Texts, native: boolean): { cold: number; warm: number } {
  const parts = splitTexts(texts);
  const encode = (tokenizer: Tokenizer): number => {
    const start = performance.now();
    for (const part of parts) tokenizer.encodeUtf8(part);
    return texts.bytes.length / 1e3 / (performance.now() - start);
  };
  const speeds = { cold: 0, warm: 0 };
  for (let run = 0; run < RUNS; run++) {
    const tokenizer = Tokenizer.fromJson(json, { native });
    speeds.cold = Math.max(speeds.cold, encode(tokenizer));
    speeds.warm = Math.max(speeds.warm, encode(tokenizer));
  }
  return speeds;
}

/** MB/s of a peer. */
async function measure(texts: readonly string[], encode: (text: string) => unknown): Promise<number> {
  const start = performance.now();
  for (const text of texts) await encode(text);
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes / 1e3 / (performance.now() - start);
}
