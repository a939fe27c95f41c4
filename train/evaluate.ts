import { type ForwardModel, forward, loss } from "../model/llama.ts";
import { setMicroBatch, type TokenMarks } from "../model/training-model.ts";
import type { RowLoader } from "./loader.ts";
import type { Evaluation } from "./metrics.ts";

/**
 * Evaluates the first rows of held-out data, the same ones every time.
 *
 * @param loader at the start of the validation split
 * @param rows at most; a last micro-batch that would not be full is left out
 * @param bytesPerToken bytes of text one token of the split stands for on average
 * @returns undefined when the split does not fill one micro-batch
 */
export async function evaluate(
  model: ForwardModel,
  loader: RowLoader,
  options: {
    readonly rows: number;
    readonly bytesPerToken: number;
    readonly marks: TokenMarks;
    readonly signal: AbortSignal;
  },
): Promise<Evaluation | undefined> {
  const { backend, shape, state } = model;
  const batches = Math.floor(Math.min(options.rows, loader.rows) / shape.sequences);
  if (batches === 0) return undefined;
  backend.zero(state.sums);
  for (let batch = 0; batch < batches; batch++) {
    options.signal.throwIfAborted();
    setMicroBatch(model, await loader.next(shape.sequences), options.marks);
    forward(model);
    loss(model, undefined);
    await backend.read(state.sums);
  }
  const [sum = 0, correct = 0, tokens = 0] = await backend.read(state.sums);
  backend.zero(state.sums);
  const meanLoss = sum / tokens;
  return {
    loss: meanLoss,
    perplexity: Math.exp(meanLoss),
    accuracy: correct / tokens,
    tokens,
    bitsPerByte: meanLoss / Math.LN2 / options.bytesPerToken,
  };
}
