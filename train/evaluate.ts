import { type ForwardModel, forward, loss } from "../model/llama.ts";
import { setMicroBatch, type TokenMarks } from "../model/training-model.ts";
import type { RowLoader } from "./data/loader.ts";
import type { Evaluation } from "./run/metrics.ts";

/** Sums over the targets of several micro-batches, in float64: float32 counts only to 16.7 million. */
export interface ScoreSums {
  readonly loss: number;
  readonly correct: number;
  readonly targets: number;
}

/** Computes the loss of the micro-batch that has been set. */
export async function scoreMicroBatch(model: ForwardModel): Promise<ScoreSums> {
  const { backend, state } = model;
  backend.zero(state.sums);
  forward(model);
  loss(model, undefined);
  const [sum = Number.NaN, correct = 0, targets = 0] = await backend.read(state.sums);
  return { loss: sum, correct, targets };
}

export const addScores = (a: ScoreSums, b: ScoreSums): ScoreSums => ({
  loss: a.loss + b.loss,
  correct: a.correct + b.correct,
  targets: a.targets + b.targets,
});

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
  const { sequences } = model.shape;
  const batches = Math.floor(Math.min(options.rows, loader.rows) / sequences);
  if (batches === 0) return undefined;
  let sums: ScoreSums = { loss: 0, correct: 0, targets: 0 };
  for (let batch = 0; batch < batches; batch++) {
    options.signal.throwIfAborted();
    setMicroBatch(model, await loader.next(sequences), options.marks);
    sums = addScores(sums, await scoreMicroBatch(model));
  }
  const meanLoss = sums.loss / sums.targets;
  return {
    loss: meanLoss,
    perplexity: Math.exp(meanLoss),
    accuracy: sums.correct / sums.targets,
    tokens: sums.targets,
    bitsPerByte: meanLoss / Math.LN2 / options.bytesPerToken,
  };
}
