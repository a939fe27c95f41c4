import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { byteSize, decimal, integer, workerCount } from "../pipeline/runtime/options.ts";
import { formatBytes, formatCount } from "../pipeline/runtime/sizes.ts";
import { describeCounts } from "./training/corpus-counts.ts";
import { describeFit } from "./training/tokenizer-report.ts";
import { trainTokenizer } from "./training/train-tokenizer.ts";

const optionsSchema = z.object({
  input: z.string(),
  out: z.string(),
  vocabSize: integer(1, 1 << 20),
  limitAlphabet: integer(1, 1 << 20),
  heldOut: decimal(0, 0.5),
  memory: byteSize,
  workers: workerCount,
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "train-tokenizer",
  summary: "Train a byte-pair tokenizer on clean text and write it as Hugging Face files.",
  examples: [
    "apt3 train-tokenizer                                   # data/clean → data/tokenizer, 31,980 tokens",
    "apt3 train-tokenizer --input texts.jsonl.zst --vocab-size 16000 --out data/small",
    "apt3 train-tokenizer --held-out 0                      # train on every document",
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
      .option("--held-out <share>", "share of documents not trained on, to measure with afterwards", "0.005")
      .option("--memory <size>", "for word counts; beyond it they go to disk in sorted runs", "4GB")
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
    context.print(
      `written: ${Object.keys(files)
        .map((name) => `${options.out}/${name}`)
        .join(", ")}`,
    );
    return { out: options.out, reused, ...corpus, ...report };
  },
};
