import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { decimal, integer, seed } from "../pipeline/runtime/options.ts";
import { type GenerateTextOptions, generateText } from "./generate-text.ts";

export const command: Command<GenerateTextOptions & { readonly json?: boolean | undefined }> = {
  name: "generate",
  summary: "Continues a prompt with an exported model, as text on stdout.",
  examples: [
    'npm run generate -- --model models/apt3-1b --prompt "Najważniejszym celem człowieka jest"',
    'npm run generate -- --model models/demo --prompt "W Polsce" --max-new-tokens 50 --temperature 0.8 --seed 7 --json',
  ],
  configure: (program) =>
    program
      .requiredOption("--model <folder>", "exported folder, or another LLaMA-shaped Hugging Face folder")
      .requiredOption("--prompt <text>", "text to continue")
      .option("--max-new-tokens <n>", "tokens to add at most", "100")
      .option("--top-k <n>", "draw from the k likeliest tokens", "50")
      .option("--top-p <p>", "draw from the likeliest tokens that together reach this probability")
      .option("--temperature <t>", "divides the logits; 0 always takes the likeliest token", "1")
      .option("--repetition-penalty <p>", "above 1, tokens that occurred before become less likely")
      .option("--seed <n>", "seed of the drawing", "1337"),
  options: z.looseObject({
    model: z.string(),
    prompt: z.string(),
    maxNewTokens: integer(1, 1e6),
    topK: integer(1, 1e6),
    topP: decimal(0.0001, 1).optional(),
    temperature: decimal(0, 100),
    repetitionPenalty: decimal(0.1, 100).optional(),
    seed,
    json: z.boolean().optional(),
  }),
  async run({ json, ...options }, context) {
    const write = (text: string) => void (json === true || process.stdout.write(text));
    const figures = await generateText(options, context, write);
    write("\n");
    return figures;
  },
};
