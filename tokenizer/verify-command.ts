import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { byteSize, workerCount } from "../pipeline/runtime/options.ts";
import { formatBytes } from "../pipeline/runtime/sizes.ts";
import { describeFit, fitWorkers } from "./pack/encode/memory.ts";
import { verify } from "./pack/verify/verify.ts";

const optionsSchema = z.object({
  folder: z.string(),
  input: z.string(),
  tokenizer: z.string(),
  texts: z.boolean(),
  workers: workerCount,
  memory: byteSize,
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "verify",
  summary: "Check packed rows: every byte, every id, and that they are exactly the tokens of the texts.",
  examples: [
    "apt3 verify data/packed                                  # against data/clean and data/tokenizer",
    "apt3 verify data/packed --no-texts                       # the shards alone, where the texts are gone",
    "apt3 verify rows --input my-texts --tokenizer my-tokenizer",
  ],
  configure: (program) =>
    program
      .argument("[folder]", "made by pack", "data/packed")
      .option("--input <folder>", "the texts it was packed from", "data/clean")
      .option("--tokenizer <folder>", "the tokenizer it was packed with", "data/tokenizer")
      .option("--no-texts", "do not encode the texts again")
      .option("--workers <n>", "worker threads (default: one a core)")
      .option("--memory <size>", "for everything; there are no more workers than fit into it", "1.5GB"),
  options: optionsSchema,

  async run({ folder, input, tokenizer, texts, memory, workers: asked }, context) {
    const workers = fitWorkers(asked, memory);
    const fit = texts ? describeFit(asked, memory) : undefined;
    if (fit !== undefined) context.print(fit);
    const report = await verify({ folder, tokenizer, workers, input: texts ? input : undefined }, context);
    const { shards, rows, bytes, documents, samples } = report;
    context.print(
      `${shards} shards, ${rows.toLocaleString("en-US")} rows, ${formatBytes(bytes)}: every byte and id is right`,
    );
    context.print(
      documents === undefined
        ? "the rows were not compared with texts (--no-texts)"
        : `${documents.toLocaleString("en-US")} documents of ${input} encoded again: the rows are exactly theirs`,
    );
    for (const [split, text] of Object.entries(samples))
      context.print(`${split} begins: ${JSON.stringify(text)}`);
    return { folder, ...report };
  },
};
