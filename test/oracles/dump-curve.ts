/**
 * Prepares the 200-step loss curve for make_curve.py: takes packed rows, draws initial weights, and writes both with
 * the settings of the run:
 * node test/oracles/dump-curve.ts PACKED_FOLDER OUT_FOLDER
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { huggingFaceConfig, splitParts } from "../../model/hugging-face.ts";
import { initialValues } from "../../model/init.ts";
import { listParameterTensors } from "../../model/parameters.ts";
import { type WrittenTensor, writeSafetensors } from "../../model/safetensors.ts";
import { RowLoader } from "../../train/data/loader.ts";
import { openPackedData } from "../../train/data/packed-data.ts";
import { learningRateAt } from "../../train/schedule.ts";

const steps = 200;
/** Batches of real rows, which the steps take again and again: enough to learn from, small enough to commit. */
const batches = 50;
const rowsPerBatch = 2;
const seed = 11;

const [packed = "", out = ""] = process.argv.slice(2);
const data = await openPackedData(packed);
const config = {
  vocabSize: data.tokenizer.vocabSize,
  layers: 2,
  dModel: 48,
  heads: 4,
  kvHeads: 2,
  dHidden: 128,
  maxSequenceLength: data.seqLen,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 10_000,
  initializerRange: 0.05,
};
const rows = await new RowLoader(data, "train", seed).next(batches * rowsPerBatch);

const tensors: WrittenTensor[] = listParameterTensors(config).flatMap((tensor) =>
  splitParts(tensor, initialValues(config, tensor, seed)).map(({ name, shape, values }) => ({
    name,
    shape,
    values: async () => values,
  })),
);
const chunks: Uint8Array[] = [];
await writeSafetensors(async (chunk) => void chunks.push(chunk.slice()), "F32", tensors, { format: "pt" });
await writeFile(join(out, "weights.safetensors"), Buffer.concat(chunks));

const schedule = { learningRate: 3e-3, minLearningRate: 3e-4, warmupSteps: 10, steps };
const facts = {
  config: huggingFaceConfig(config, { bos: 1, eos: 2, pad: 3 }, "f32"),
  seed,
  rowsPerBatch,
  rowLength: data.seqLen,
  optimizer: { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
  learningRates: Array.from({ length: steps }, (_, step) => learningRateAt(step, schedule)),
  rows: Buffer.from(Uint16Array.from(rows).buffer).toString("base64"),
};
await writeFile(join(out, "facts.json"), JSON.stringify(facts));
