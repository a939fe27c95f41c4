import type { Backend } from "../../../model/backend.ts";
import { openModelFolder } from "../../../model/hugging-face.ts";
import { createForwardModel, setWeights } from "../../../model/training-model.ts";
import { RowLoader } from "../../../train/data/loader.ts";
import { type PackedData, tokenMarks } from "../../../train/data/packed-data.ts";
import { evaluate } from "../../../train/evaluate.ts";
import type { Evaluation } from "../../../train/run/metrics.ts";

/** Scores a Hugging Face folder on all held-out rows, in float32. */
export async function score(backend: Backend, path: string, data: PackedData): Promise<Evaluation> {
  const folder = await openModelFolder(path);
  const shape = {
    sequences: 1,
    sequenceLength: data.seqLen,
    computeType: "f32",
    recompute: "full",
    documentAttention: false,
  } as const;
  const model = createForwardModel(backend, { config: folder.config, ...shape });
  await setWeights(model, (tensor) => folder.read(tensor));
  await folder.close();
  const loader = new RowLoader(data, "validation", 0);
  const { textBytes, tokens } = data.splits.validation;
  const evaluation = await evaluate(model, loader, {
    rows: Number.POSITIVE_INFINITY,
    bytesPerToken: textBytes / tokens,
    marks: tokenMarks(data),
    signal: new AbortController().signal,
  });
  await loader.close();
  if (evaluation === undefined) throw new Error(`${data.folder}: no validation rows`);
  return evaluation;
}
