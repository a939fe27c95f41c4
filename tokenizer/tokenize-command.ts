import { text as readText } from "node:stream/consumers";
import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { loadTokenizer } from "./load.ts";
import { showTokens } from "./show-tokens.ts";

const optionsSchema = z
  .object({
    tokenizer: z.string(),
    ids: z.boolean().default(false),
    count: z.boolean().default(false),
    parseSpecials: z.boolean().default(false),
  })
  .refine(({ ids, count }) => !(ids && count), {
    path: ["ids"],
    message: "cannot be combined with --count: give one of the two",
  });

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "tokenize",
  summary: "Tokenize standard input, taken as one text without its last line feed, and print the tokens.",
  examples: [
    'echo "Litwo! Ojczyzno moja!" | apt3 tokenize --tokenizer data/tokenizer',
    "apt3 tokenize --tokenizer data/tokenizer --count < book.txt",
  ],
  configure: (program) =>
    program
      .option("--tokenizer <folder>", "folder with a tokenizer.json", "data/tokenizer")
      .option("--ids", "print the ids instead, on one line")
      .option("--count", "print only how many tokens there are")
      .option("--parse-specials", "take names such as </s> in the text for the special tokens"),
  options: optionsSchema,

  async run({ tokenizer: folder, ids: showIds, count, parseSpecials }, context) {
    const { tokenizer, sha256 } = await loadTokenizer(folder);
    const text = (await readText(process.stdin)).replace(/\r?\n$/, "");
    const ids = tokenizer.encode(text, { parseSpecials });
    if (count) context.print(String(ids.length));
    else if (showIds) context.print(ids.join(" "));
    else context.print(showTokens(tokenizer, ids));
    return {
      tokenizer: folder,
      sha256,
      engine: tokenizer.engine,
      characters: text.length,
      tokens: ids.length,
      ...(count ? {} : { ids: [...ids] }),
    };
  },
};
