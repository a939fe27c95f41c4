import { spawnSync } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { openCorpus, readTexts } from "../../../pipeline/corpus.ts";
import { runPeers } from "./peers.ts";
import { printTable, versionOf } from "./report.ts";

const TRAIN = fileURLToPath(new URL("./train.ts", import.meta.url));

/** What one training took and found, as its own process says. */
interface Trained {
  readonly seconds: number;
  /** Peak memory. */
  readonly megabytes: number;
  readonly textBytes: number;
  readonly differentWords: number;
  readonly prunedWords: number;
}

/** Trains in a process of its own, with two threads; `words` are those of `train.ts`. */
export function trainApart(...words: readonly string[]): Trained {
  const env = { ...process.env, RAYON_NUM_THREADS: "2" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [TRAIN, ...words], {
    encoding: "utf8",
    env,
  });
  if (status !== 0) throw new Error(`training (${words[0]}) failed: ${stderr}`);
  return JSON.parse(stdout) as Trained;
}

/**
 * Trains on a whole corpus to 31,980 tokens, and the reference too, each in a process of its own. npm's package of
 * the reference knows its default settings only (30,000 tokens, every character) and is given plain lines: it is
 * compared with ours of the same settings.
 *
 * @param compares whether the peers are measured
 * @returns the tokenizer.json
 */
export async function benchTraining(
  folder: string,
  corpus: string,
  compares: boolean,
  python: string | undefined,
): Promise<string> {
  const out = join(folder, "tokenizer");
  const ours = trainApart("apt3", corpus, out, "31980", "113");
  if (compares) {
    const { texts, lines } = await writePlain(corpus, folder);
    printTable([
      header(`training on ${(ours.textBytes / 1e6).toFixed(0)} MB to 31,980 tokens, 2 threads`),
      row("apt3", ours, ours),
      ...runPeers(python, "train", texts).map((peer) => row(peer.name, peer, ours)),
    ]);
    const defaults = trainApart("apt3", corpus, join(folder, "defaults"), "30000", String(1 << 20));
    const reference = trainApart("reference", lines);
    printTable([
      header("the same to 30,000, of every character"),
      row("apt3", defaults, defaults),
      row(`npm tokenizers ${versionOf("tokenizers")} (Rust)`, reference, defaults),
    ]);
  }
  return readFileSync(join(out, "tokenizer.json"), "utf8");
}

const header = (what: string) => [what, "s", "MB of memory", "time / ours", "memory / ours"];

function row(
  name: string,
  { seconds, megabytes }: Pick<Trained, "seconds" | "megabytes">,
  ours: Trained,
): string[] {
  const ratios = [seconds / ours.seconds, megabytes / ours.megabytes].map((ratio) => ratio.toFixed(2));
  return [name, seconds.toFixed(1), megabytes.toFixed(0), ...ratios];
}

/** The texts as the peers read them: a JSON string a line, and plain lines. */
async function writePlain(corpus: string, folder: string): Promise<{ texts: string; lines: string }> {
  const texts = join(folder, "texts.jsonl");
  const lines = join(folder, "lines.txt");
  const { files } = await openCorpus(corpus);
  async function* write(show: (text: string) => string): AsyncGenerator<string> {
    for (const file of files) {
      for await (const batch of readTexts(file)) yield batch.texts.map((text) => `${show(text)}\n`).join("");
    }
  }
  await pipeline(Readable.from(write((text) => JSON.stringify({ text }))), createWriteStream(texts));
  await pipeline(Readable.from(write((text) => text)), createWriteStream(lines));
  return { texts, lines };
}
