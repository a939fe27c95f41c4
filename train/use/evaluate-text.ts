import type { ComputeType } from "../../model/backend.ts";
import { IGNORED_TARGET } from "../../model/backend.ts";
import type { BackendName } from "../../model/backends/registry.ts";
import type { ForwardModel } from "../../model/llama.ts";
import { createForwardModel, setTokens, setWeights } from "../../model/training-model.ts";
import type { Figures, JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { addScores, type ScoreSums, scoreMicroBatch } from "../evaluate.ts";
import { type LoadedModel, loadModel } from "./loaded-model.ts";
import { type ScoringWindow, scoringWindows } from "./scoring-windows.ts";
import { readDocuments } from "./text-documents.ts";

/** Contexts of 128 thousand tokens exist; a window of so many, which nobody asked for, takes a hundred gigabytes. */
const LONGEST_WINDOW = 4096;

export interface EvaluateTextOptions {
  /** A Hugging Face folder with a tokenizer. */
  readonly model: string;
  /** Plain text or JSON lines. */
  readonly text: string;
  /** Tokens the model sees at once; the model's context without it, but no more than 4,096. */
  readonly seqLen?: number | undefined;
  /** Tokens from one window to the next; half a window without it. */
  readonly stride?: number | undefined;
  /** Windows computed at once. */
  readonly batch: number;
  readonly backend: BackendName | "auto";
}

/** How well a model predicts a text: perplexity a token, and bits for each byte of it, which tokenizers cannot bend. */
export async function evaluateText(options: EvaluateTextOptions, context: JobContext): Promise<Figures> {
  const loaded = await loadModel(options.model, options.backend);
  try {
    const length = windowLength(options, loaded);
    const stride = Math.min(options.stride ?? Math.ceil(length / 2), length);
    const model = await createScorer(loaded, options.batch, length);
    const task = context.progress.start({ label: `scoring ${options.text}`, unit: "tokens" });

    // Windows of all documents are scored a batch at a time.
    let sums: ScoreSums = { loss: 0, correct: 0, targets: 0 };
    const totals = { documents: 0, bytes: 0, unknownTokens: 0 };
    let waiting: ScoringWindow[] = [];
    const score = async () => {
      context.signal.throwIfAborted();
      const scored = await scoreWindows(model, waiting);
      sums = addScores(sums, scored);
      task.advance(scored.targets);
      task.note(`loss ${(sums.loss / sums.targets).toFixed(3)}`);
      waiting = [];
    };
    for await (const text of readDocuments(options.text)) {
      const ids = loaded.tokenizer.encode(text, { addBos: true });
      totals.documents += 1;
      totals.bytes += Buffer.byteLength(text);
      totals.unknownTokens += count(ids, loaded.tokenizer.unkId);
      for (const window of scoringWindows(ids, length, stride)) {
        waiting.push(window);
        if (waiting.length === options.batch) await score();
      }
    }
    if (waiting.length > 0) await score();
    task.done();
    if (sums.targets === 0) throw new UserError(`${options.text}: has no text to score`);
    return report(options, sums, totals, context);
  } finally {
    await loaded.close();
  }
}

function windowLength({ seqLen }: EvaluateTextOptions, { config }: LoadedModel): number {
  if (seqLen !== undefined && seqLen > config.maxSequenceLength) {
    throw new UserError(`--seq-len ${seqLen}: the model's context has ${config.maxSequenceLength} tokens`);
  }
  return seqLen ?? Math.min(config.maxSequenceLength, LONGEST_WINDOW);
}

async function createScorer(
  { backend, config, folder }: LoadedModel,
  sequences: number,
  sequenceLength: number,
): Promise<ForwardModel> {
  const computeType: ComputeType = backend.computeTypes.includes("bf16") ? "bf16" : "f32";
  // Nothing is computed backwards: all layers share what a backward pass would need of each.
  const shape = {
    sequences,
    sequenceLength,
    computeType,
    recompute: "full",
    documentAttention: false,
  } as const;
  const model = createForwardModel(backend, {
    config: { ...config, maxSequenceLength: sequenceLength }, // rotary positions for a window are enough
    ...shape,
  });
  await setWeights(model, (tensor) => folder.read(tensor));
  return model;
}

/** A last batch that is not full is filled up with windows that score nothing. */
function scoreWindows(model: ForwardModel, windows: readonly ScoringWindow[]): Promise<ScoreSums> {
  const { sequences, sequenceLength } = model.shape;
  const ids = new Int32Array(sequences * sequenceLength);
  const targets = new Int32Array(ids.length).fill(IGNORED_TARGET);
  for (const [index, window] of windows.entries()) {
    ids.set(window.ids, index * sequenceLength);
    targets.set(window.targets, index * sequenceLength);
  }
  setTokens(model, ids, targets);
  return scoreMicroBatch(model);
}

function count(ids: Iterable<number>, wanted: number | undefined): number {
  let found = 0;
  for (const id of ids) if (id === wanted) found += 1;
  return found;
}

function report(
  { model, text }: EvaluateTextOptions,
  sums: ScoreSums,
  totals: { readonly documents: number; readonly bytes: number; readonly unknownTokens: number },
  context: JobContext,
): Figures {
  const loss = sums.loss / sums.targets;
  const perplexity = Math.exp(loss);
  const bitsPerByte = sums.loss / Math.LN2 / totals.bytes;
  const accuracy = sums.correct / sums.targets;
  const unknown = totals.unknownTokens === 0 ? "" : `, ${totals.unknownTokens} of them unknown`;
  context.print(
    [
      `${text}: ${totals.documents.toLocaleString("en")} documents, ${totals.bytes.toLocaleString("en")} bytes, ${sums.targets.toLocaleString("en")} tokens${unknown}`,
      `loss           ${loss.toFixed(4)} nats a token`,
      `perplexity     ${perplexity.toFixed(2)} a token`,
      `bits per byte  ${bitsPerByte.toFixed(4)}`,
      `accuracy       ${(100 * accuracy).toFixed(1)} %`,
    ].join("\n"),
  );
  return { model, text, tokens: sums.targets, ...totals, loss, perplexity, bitsPerByte, accuracy };
}
