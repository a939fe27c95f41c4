import type { InferenceSession } from "./inference.ts";
import { createRandom } from "./random.ts";
import { type SamplingOptions, sampleToken } from "./sampling.ts";

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Ids that end the text; they are not yielded. */
  readonly stopIds: ReadonlySet<number>;
}

/** Why generation ended: a stop token, the asked-for length, or the model's context. */
export type FinishReason = "stop" | "length" | "context";

/** Continues a prompt, yielding one token id at a time as it is drawn. */
export async function* generate(
  session: InferenceSession,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number, FinishReason> {
  const random = createRandom(options.seed, "sampling");
  const text = [...prompt];
  let logits = await session.feed(prompt);
  for (let count = 1; count <= options.maxNewTokens; count++) {
    const id = sampleToken(logits, text, options, random);
    if (options.stopIds.has(id)) return "stop";
    yield id;
    text.push(id);
    if (count === options.maxNewTokens) return "length";
    if (session.length >= session.config.maxSequenceLength) return "context";
    logits = await session.feed([id]);
  }
  return "length";
}
