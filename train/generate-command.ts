import { z } from "zod";
import { backendNames } from "../model/backends/registry.ts";
import type { Command } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { readText } from "../pipeline/runtime/files.ts";
import { decimal, integer, seed } from "../pipeline/runtime/options.ts";
import { generateText, generateTexts } from "./use/generate-text.ts";

const optionsSchema = z.looseObject({
  model: z.string(),
  prompt: z.array(z.string()).default([]),
  prompts: z.string().optional(),
  samples: integer(1, 1e4),
  batch: integer(1, 1024),
  maxNewTokens: integer(1, 1e6),
  topK: integer(1, 1e6),
  topP: decimal(0.0001, 1).optional(),
  temperature: decimal(0, 100),
  repetitionPenalty: decimal(0.1, 100).optional(),
  seed,
  backend: z.enum(["auto", ...backendNames]),
  json: z.boolean().optional(),
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "generate",
  summary: "Continue prompts with an exported model, as text on stdout.",
  examples: [
    'apt3 generate --model models/apt3-1b --prompt "Najważniejszym celem człowieka jest"',
    'apt3 generate --model models/demo --prompt "W Polsce" --max-new-tokens 50 --temperature 0.8 --seed 7 --json',
    'apt3 generate --model models/demo --prompt "Dawno temu" --samples 4',
    "apt3 generate --model models/demo --prompts prompts.txt --batch 16 --backend cpu",
  ],
  configure: (program) =>
    program
      .requiredOption("--model <folder>", "exported folder, or another LLaMA-shaped Hugging Face folder")
      .option(
        "--prompt <text>",
        "text to continue; may be given several times",
        (text: string, earlier: string[] = []) => [...earlier, text],
      )
      .option("--prompts <file>", "file with a prompt a line")
      .option("--samples <n>", "continuations of each prompt", "1")
      .option("--batch <n>", "texts continued at once", "8")
      .option("--max-new-tokens <n>", "tokens to add at most", "100")
      .option("--top-k <n>", "draw from the k likeliest tokens", "50")
      .option("--top-p <p>", "draw from the likeliest tokens that together reach this probability")
      .option("--temperature <t>", "divides the logits; 0 always takes the likeliest token", "1")
      .option("--repetition-penalty <p>", "above 1, tokens that occurred before become less likely")
      .option("--seed <n>", "seed of the drawing", "1337")
      .option("--backend <name>", `auto or one of ${backendNames.join(", ")}`, "auto"),
  options: optionsSchema,
  async run({ json, prompt, prompts: file, samples, ...options }, context) {
    const asked = [...prompt, ...(file === undefined ? [] : await readPrompts(file))];
    if (asked.length === 0) throw new UserError("give --prompt TEXT, or --prompts FILE with a prompt a line");
    const prompts = asked.flatMap((text) => new Array<string>(samples).fill(text));
    const write = (text: string) => void (json === true || process.stdout.write(text));

    const [only] = prompts;
    if (only !== undefined && prompts.length === 1) {
      const figures = await generateText({ ...options, prompt: only }, context, write);
      write("\n");
      return figures;
    }
    let separator = "";
    return await generateTexts({ ...options, prompts }, context, (text) => {
      write(`${separator}${text}\n`);
      separator = "\n";
    });
  },
};

async function readPrompts(path: string): Promise<string[]> {
  const lines = (await readText(path)).split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new UserError(`${path}: has no line with a prompt`);
  return lines;
}
