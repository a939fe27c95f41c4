import type { BackendName } from "../../model/backends/registry.ts";
import { type FinishReason, generateBatch } from "../../model/generate.ts";
import { createInferenceBatch } from "../../model/inference.ts";
import type { SamplingOptions } from "../../model/sampling.ts";
import type { Figures, JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import { type LoadedModel, loadModel, loadWeights } from "./loaded-model.ts";

interface CommonOptions extends SamplingOptions {
  /** A Hugging Face folder with a tokenizer. */
  readonly model: string;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly backend?: BackendName | "auto" | undefined;
}

export interface GenerateTextOptions extends CommonOptions {
  readonly prompt: string;
}

export interface GenerateTextsOptions extends CommonOptions {
  readonly prompts: readonly string[];
  /** Texts continued at once. */
  readonly batch: number;
}

/** A prompt's continuation. */
interface Continued {
  readonly prompt: string;
  /** Prompt and continuation. */
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finish: FinishReason | undefined;
}

/**
 * Continues a prompt.
 *
 * @param write gets the prompt and then the text as it comes
 */
export async function generateText(
  { prompt, ...options }: GenerateTextOptions,
  context: JobContext,
  write: (text: string) => void,
): Promise<Figures> {
  const { texts, tokensPerSecond } = await continueTexts(
    { ...options, prompts: [prompt], batch: 1 },
    context,
    (_text, piece) => write(piece),
  );
  return { text: texts[0]?.text, tokens: texts[0]?.tokens, finish: texts[0]?.finish, tokensPerSecond };
}

/**
 * Continues several prompts, a batch at a time.
 *
 * @param write gets each text when its batch is done, in the order of the prompts
 */
export async function generateTexts(
  options: GenerateTextsOptions,
  context: JobContext,
  write: (text: string) => void,
): Promise<Figures> {
  const { texts, tokensPerSecond } = await continueTexts(options, context, () => undefined);
  for (const { text } of texts) write(text);
  return { texts, tokensPerSecond };
}

async function continueTexts(
  options: GenerateTextsOptions,
  context: JobContext,
  onPiece: (text: number, piece: string) => void,
): Promise<{ texts: Continued[]; tokensPerSecond: number }> {
  const model = await loadModel(options.model, options.backend ?? "auto");
  try {
    const weights = await loadWeights(model);
    const texts: Continued[] = [];
    const started = performance.now();
    for (let first = 0; first < options.prompts.length; first += options.batch) {
      const prompts = options.prompts.slice(first, first + options.batch);
      const show = (text: number, piece: string) => onPiece(first + text, piece);
      const seed = (options.seed + first) % 2 ** 32;
      texts.push(
        ...(await continueBatch(model, weights, { ...options, prompts, seed }, first, context, show)),
      );
    }
    const seconds = (performance.now() - started) / 1000;
    const tokens = texts.reduce((sum, text) => sum + text.tokens.length, 0);
    return { texts, tokensPerSecond: tokens / seconds };
  } finally {
    await model.close();
  }
}

/** @param first number of the batch's first text among all */
async function continueBatch(
  { tokenizer, config, backend }: LoadedModel,
  weights: Awaited<ReturnType<typeof loadWeights>>,
  options: GenerateTextsOptions,
  first: number,
  context: JobContext,
  onPiece: (text: number, piece: string) => void,
): Promise<Continued[]> {
  const prompts = options.prompts.map((prompt) => [...tokenizer.encode(prompt, { addBos: true })]);
  const longest = Math.max(...prompts.map((ids) => ids.length));
  if (longest === 0) throw new UserError("--prompt: has no tokens; give at least one letter");
  const capacity = Math.max(longest, Math.min(longest + options.maxNewTokens, config.maxSequenceLength));
  const batch = createInferenceBatch(backend, config, weights, { sequences: prompts.length, capacity });
  const stopIds = new Set(tokenizer.eosId === undefined ? [] : [tokenizer.eosId]);
  const texts = prompts.map((ids, index) => growingText(tokenizer, ids, (piece) => onPiece(index, piece)));
  try {
    for await (const event of generateBatch(batch, prompts, { ...options, stopIds })) {
      context.signal.throwIfAborted();
      const text = texts[event.text]!;
      if ("finish" in event) text.end(event.finish);
      else
        context.emit({ event: "token", text: first + event.text, id: event.id, piece: text.add(event.id) });
    }
  } finally {
    batch.close();
  }
  return texts.map((text, index) => ({ prompt: options.prompts[index]!, ...text.result() }));
}

/** A text that is decoded token by token. */
function growingText(tokenizer: Tokenizer, prompt: readonly number[], onPiece: (piece: string) => void) {
  const decoder = tokenizer.decodeStream({ skipSpecials: true });
  const tokens: number[] = [];
  let text = prompt.map((id) => decoder.push(id)).join("");
  let finish: FinishReason | undefined;
  onPiece(text);
  const grow = (piece: string): string => {
    text += piece;
    onPiece(piece);
    return piece;
  };
  return {
    add(id: number): string {
      tokens.push(id);
      return grow(decoder.push(id));
    },
    end(reason: FinishReason): void {
      finish = reason;
      grow(decoder.end());
    },
    result: () => ({ text, tokens, finish }),
  };
}
