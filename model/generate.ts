import type { InferenceBatch, InferenceSession } from "./inference.ts";
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

/** What `generateBatch` tells as it goes: a token of one text, or that the text has ended. */
export type GenerateEvent =
  | { readonly text: number; readonly id: number }
  | { readonly text: number; readonly finish: FinishReason };

/** Continues a prompt, yielding one token id at a time as it is drawn. */
export async function* generate(
  session: InferenceSession,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number, FinishReason> {
  const batch: InferenceBatch = {
    config: session.config,
    capacity: session.capacity,
    get lengths() {
      return [session.length];
    },
    feed: async ([ids = []]) => [await session.feed(ids)],
    close: session.close,
  };
  for await (const event of generateBatch(batch, [prompt], options)) {
    if ("finish" in event) return event.finish;
    yield event.id;
  }
  return "length";
}

/**
 * Continues several prompts at once, one token of each unfinished text at a time. A text draws from a random stream of
 * its own, so that what it becomes does not depend on how long its neighbours are.
 */
export async function* generateBatch(
  batch: InferenceBatch,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): AsyncGenerator<GenerateEvent> {
  const texts = prompts.map((prompt, index) => ({
    ids: [...prompt],
    random: createRandom(options.seed, index === 0 ? "sampling" : `sampling ${index}`),
  }));
  const running = new Set(texts.keys());
  let next: readonly (readonly number[])[] = prompts;
  for (let count = 1; running.size > 0; count++) {
    const logits = await batch.feed(next);
    const drawn: number[][] = texts.map(() => []);
    for (const index of running) {
      const { ids, random } = texts[index]!;
      const id = sampleToken(logits[index]!, ids, options, random);
      let finish: FinishReason | undefined;
      if (options.stopIds.has(id)) finish = "stop";
      else {
        yield { text: index, id };
        ids.push(id);
        drawn[index]!.push(id);
        if (count === options.maxNewTokens) finish = "length";
        else if (batch.lengths[index]! >= batch.capacity) finish = "context";
      }
      if (finish === undefined) continue;
      running.delete(index);
      drawn[index] = [];
      yield { text: index, finish };
    }
    next = drawn;
  }
}
