import { text as readText } from "node:stream/consumers";
import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { workerCount } from "../pipeline/runtime/options.ts";
import { loadTokenizer } from "./load.ts";
import { showTokens } from "./show-tokens.ts";
import { type Shown, tokenizeLines } from "./tokenize-lines.ts";
import type { Tokenizer } from "./tokenizer.ts";

const optionsSchema = z
  .object({
    tokenizer: z.string(),
    ids: z.boolean().default(false),
    count: z.boolean().default(false),
    decode: z.boolean().default(false),
    parseSpecials: z.boolean().default(false),
    jsonl: z.string().min(1).optional(),
    input: z.string().optional(),
    workers: workerCount,
  })
  .refine(({ ids, count, decode }) => Number(ids) + Number(count) + Number(decode) <= 1, {
    path: ["ids"],
    message: "only one of --ids, --count and --decode can be given",
  })
  .refine(({ decode, jsonl }) => !decode || jsonl === undefined, {
    path: ["decode"],
    message: "cannot be combined with --jsonl",
  })
  .refine(({ input, jsonl }) => input === undefined || jsonl !== undefined, {
    path: ["input"],
    message:
      "needs --jsonl and the name of the member that holds the text; other text comes from standard input",
  });

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "tokenize",
  summary: "Tokenize standard input, taken as one text without its last line feed, and print the tokens.",
  examples: [
    'echo "Litwo! Ojczyzno moja!" | apt3 tokenize --tokenizer data/tokenizer',
    "apt3 tokenize --count < book.txt",
    "apt3 tokenize --ids < book.txt | apt3 tokenize --decode",
    "apt3 tokenize --jsonl text --input texts.jsonl.zst --ids > ids.jsonl",
  ],
  configure: (program) =>
    program
      .option("--tokenizer <folder>", "folder with a tokenizer.json", "data/tokenizer")
      .option("--ids", "print the ids instead, on one line")
      .option("--count", "print only how many tokens there are")
      .option("--decode", "take standard input for ids and print their text")
      .option("--parse-specials", "take names such as </s> in the text for the special tokens")
      .option(
        "--jsonl <member>",
        "take lines of JSON, the text in this member, and print a line of JSON for each",
      )
      .option("--input <file>", "read these lines from a .jsonl, .jsonl.gz or .jsonl.zst file")
      .option("--workers <n>", "worker threads for --jsonl (default: one a core)"),
  options: optionsSchema,

  async run({ tokenizer: folder, jsonl, input, workers, ids, count, decode, parseSpecials }, context) {
    const { tokenizer, sha256 } = await loadTokenizer(folder);
    const described = { tokenizer: folder, sha256, engine: tokenizer.engine };
    const show: Shown = count ? "count" : ids ? "ids" : "tokens";
    if (jsonl !== undefined) {
      const options = { tokenizer: folder, field: jsonl, show, parseSpecials, input, workers };
      const figures = await tokenizeLines(options, process.stdout, context);
      if (figures.rejected > 0) context.progress.log(`${figures.rejected} lines held no text`);
      return { ...described, ...figures };
    }
    const text = (await readText(process.stdin)).replace(/\r?\n$/, "");
    if (decode) {
      const decoded = decodeIds(tokenizer, text);
      context.print(decoded);
      return { ...described, text: decoded };
    }
    const encoded = tokenizer.encode(text, { parseSpecials });
    if (show === "count") context.print(String(encoded.length));
    else context.print(show === "ids" ? encoded.join(" ") : showTokens(tokenizer, encoded));
    return {
      ...described,
      characters: text.length,
      tokens: encoded.length,
      ...(count ? {} : { ids: [...encoded] }),
    };
  },
};

function decodeIds(tokenizer: Tokenizer, text: string): string {
  const ids = text.split(/[\s,]+/).filter((word) => word !== "");
  for (const [i, word] of ids.entries()) {
    if (!/^\d+$/.test(word) || !tokenizer.has(Number(word))) {
      throw new UserError(
        `--decode: number ${i + 1} of the input is ${JSON.stringify(word.slice(0, 20))}, expected an id below ${tokenizer.vocabSize}`,
      );
    }
  }
  return tokenizer.decode(ids.map(Number));
}
