import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { polishText, writeDatasetsYaml, writeJsonl } from "./corpus.ts";
import { hashOutput } from "./folders.ts";
import { tinyConfig } from "./tiny-config.ts";

/** The four commands in the order in which one needs the other's output, with the folder each writes to. */
export const COMMANDS = {
  ingest: "clean",
  "train-tokenizer": "tokenizer",
  pack: "packed",
  pretrain: "run",
} as const;

export type CommandName = keyof typeof COMMANDS;
export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

const WORDS: Readonly<Record<CommandName, readonly string[]>> = {
  ingest: ["--config", "datasets.yaml", "--workers", "2"],
  "train-tokenizer": ["--input", "clean", "--vocab-size", "600", "--workers", "2"],
  pack: [
    ...["--input", "clean", "--tokenizer", "tokenizer", "--seq-len", "64"],
    ...["--validation-share", "0.05", "--workers", "2"],
  ],
  pretrain: ["--config", "tiny.yaml", "--data", "packed", "--backend", "reference"],
};

/** A command's words, to be run in a folder that `writeInputs` filled, once those before it have run there. */
export function wordsOf(name: CommandName, out: string = COMMANDS[name]): string[] {
  return [name, ...WORDS[name], "--out", out];
}

/** The words of an ingest that keeps all rejects whole, of all the sources or of the first few. */
export function wordsOfAllRejects(out: string, sources: "all" | "some"): string[] {
  const only = sources === "all" ? [] : ["--only", "source-0,source-1,source-2"];
  return [...wordsOf("ingest", out), "--rejects", "all", ...only];
}

/** What the commands read: some sources with a tenth of one in the next, and a config of a model that trains fast. */
export function writeInputs(
  folder: string,
  { documents, steps }: { readonly documents: number; readonly steps: number },
): void {
  const sources = Array.from({ length: 6 }, (_, i) => ({
    name: `source-${i}`,
    path: `source-${i}.jsonl.zst`,
  }));
  for (const [i, { path }] of sources.entries()) {
    writeJsonl(
      join(folder, path),
      Array.from({ length: documents }, (_, k) => ({ text: polishText(i * 0.9 * documents + k) })),
    );
  }
  writeDatasetsYaml(join(folder, "datasets.yaml"), sources);
  writeFileSync(join(folder, "tiny.yaml"), tinyConfig({ steps, every: 7 }));
}

/** The hashes of a command's output, without what a clock wrote. */
export function hashWithoutClock(folder: string): Record<string, string> {
  const files = hashOutput(folder);
  if (files["metrics.jsonl"] === undefined) return files;
  const metrics = readFileSync(join(folder, "metrics.jsonl"), "utf8");
  return { ...files, "metrics.jsonl": metrics.replaceAll(/,"timing":\{[^}]*\}/g, "") };
}
