import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { byteSize, decimal, integer, workerCount } from "../pipeline/runtime/options.ts";
import { formatBytes, formatCount } from "../pipeline/runtime/sizes.ts";
import { describeCounts } from "./training/corpus-counts.ts";
import { describeCoverage, describeFit } from "./training/tokenizer-report.ts";
import { trainTokenizer } from "./training/train-tokenizer.ts";

/** With less the process itself, not the words, would take most of it. */
const MIN_MEMORY = 1e9;

const optionsSchema = z.object({
  input: z.string(),
  out: z.string(),
  vocabSize: integer(1, 1 << 20),
  limitAlphabet: integer(1, 1 << 20),
  specialTokens: z
    .string()
    .optional()
    .transform((names) => names?.split(",").map((name) => name.trim()) ?? [])
    .refine((names) => !names.includes(""), "expected names with a comma between"),
  minFrequency: integer(0, 2 ** 53 - 1),
  maxTokenLength: integer(2, 1 << 20).optional(),
  byteFallback: z.boolean().default(false),
  preTokenizer: z.enum(["metaspace", "byte-level"]),
  digits: z
    .boolean()
    .default(false)
    .transform((isolated) => (isolated ? "isolated" : "joined")),
  mix: z.boolean().default(false),
  compare: z.array(z.string()).default([]),
  heldOut: decimal(0, 0.5),
  memory: byteSize.refine((bytes) => bytes >= MIN_MEMORY, "expected at least 1GB"),
  workers: workerCount,
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "train-tokenizer",
  summary: "Train a byte-pair tokenizer on clean text and write it as Hugging Face files.",
  examples: [
    "apt3 train-tokenizer                                   # data/clean → data/tokenizer, 31,980 tokens",
    "apt3 train-tokenizer --input texts.jsonl.zst --vocab-size 16000 --out data/small",
    "apt3 train-tokenizer --byte-fallback --digits          # lose no character, numbers digit by digit",
  ],
  configure: (program) =>
    program
      .option(
        "--input <path>",
        "folder `ingest` wrote, or any folder or file of .jsonl[.gz|.zst] and .txt",
        "data/clean",
      )
      .option("--out <folder>", "where the tokenizer goes", "data/tokenizer")
      .option("--vocab-size <n>", "tokens in all", "31980")
      .option("--limit-alphabet <n>", "keep the n most frequent characters; the others become <unk>", "113")
      .option("--special-tokens <names>", "further special tokens, with commas between")
      .option("--min-frequency <n>", "merge only pairs that occur at least n times", "0")
      .option("--max-token-length <n>", "make only tokens shorter than n characters")
      .option("--byte-fallback", "256 tokens for bytes, so that no character is lost")
      .option("--pre-tokenizer <kind>", "metaspace, or byte-level as GPT-2 has it", "metaspace")
      .option("--digits", "make each digit a token of its own")
      .option("--mix", "draw documents so that groups are in the proportions of datasets.yaml")
      .option("--compare <path...>", "other tokenizers to measure on the same text")
      .option("--held-out <share>", "share of documents not trained on, to measure with afterwards", "0.005")
      .option("--memory <size>", "for everything; word counts beyond it go to disk in sorted runs", "4GB")
      .option("--workers <n>", "worker threads (default: one a core)"),
  options: optionsSchema,

  async run({ heldOut, memory, ...options }, context) {
    const { corpus, report, files, reused } = await trainTokenizer(
      { ...options, heldOutShare: heldOut, memoryBytes: memory },
      context,
    );
    const { fit } = report;
    const measured =
      report.measuredOn === "held-out"
        ? `${corpus.heldOutDocuments} documents held out of training`
        : "a sample of the training text (nothing was held out)";
    if (reused) context.print(`${options.out} is finished already; its report:`);
    context.print(
      `${describeCounts(corpus)}: ${formatBytes(corpus.bytes)} of text, ${formatCount(corpus.differentWords)} different words`,
    );
    context.print(`${report.vocabSize} tokens, ${report.merges} merges`);
    context.print(`on ${measured}: ${describeFit(fit)}`);
    context.print(`longest tokens: ${report.longestTokens.map((token) => JSON.stringify(token)).join(" ")}`);
    context.print(`the most frequent words cover: ${describeCoverage(report.coverage)}`);
    for (const { path, vocabSize, fit: other } of report.comparisons) {
      context.print(`${path}, ${vocabSize} tokens: ${describeFit(other)}`);
    }
    if (corpus.prunedWords > 0) {
      context.print(
        `${formatCount(corpus.prunedWords)} words occurring less than ${corpus.threshold} times were left out to stay within --memory`,
      );
    }
    context.print(
      `written: ${Object.keys(files)
        .map((name) => `${options.out}/${name}`)
        .join(", ")}`,
    );
    return { out: options.out, reused, ...corpus, ...report };
  },
};
