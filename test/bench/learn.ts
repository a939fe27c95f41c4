import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Backend } from "../../model/backend.ts";
import { openBackend } from "../../model/backends/registry.ts";
import { huggingFaceConfig, openModelFolder, splitParts } from "../../model/hugging-face.ts";
import { initialValues } from "../../model/init.ts";
import { countParameters, listParameterTensors } from "../../model/parameters.ts";
import { type WrittenTensor, writeSafetensors } from "../../model/safetensors.ts";
import { createForwardModel, setWeights } from "../../model/training-model.ts";
import { exists } from "../../pipeline/runtime/files.ts";
import { formatTrainingConfig, parseTrainingConfig, type TrainingConfig } from "../../train/config.ts";
import { RowLoader } from "../../train/data/loader.ts";
import { openPackedData, type PackedData, tokenMarks } from "../../train/data/packed-data.ts";
import { evaluate } from "../../train/evaluate.ts";
import { learningRateAt } from "../../train/schedule.ts";

/**
 * `npm run bench -- learn --text TEXTS --python PATH`: what a model of 27.7 M parameters has learnt after the same
 * tokens with our trainer and with PyTorch (bf16 on both sides), measured in bits per byte of held-out rows.
 * Both start from the same weights, read the same rows in the same order at the same learning rates, and are measured by
 * the same code in float32. The 500 steps (2.05 M tokens) take us about 15 minutes of two quiet cores, PyTorch longer; what
 * is done is kept in `--work`, and the same command goes on from there.
 */
const modelSettings = { layers: 6, dModel: 512, heads: 8, kvHeads: 8, dHidden: 1408 };
const vocabSize = 8192;
const sequenceLength = 512;
const rowsPerStep = 8;
const seed = 1337;

export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      text: { type: "string" },
      python: { type: "string" },
      steps: { type: "string", default: "500" },
      work: { type: "string", default: join(tmpdir(), "apt3-bench-learn") },
      threads: { type: "string", default: String(availableParallelism()) },
      /** Measure us and the peer at the same time: what is learnt does not depend on it, only the time does. */
      together: { type: "boolean", default: false },
    },
  });
  const { text, python } = values;
  const steps = Number(values.steps);
  if (text === undefined)
    throw new Error("--text: a .jsonl, .jsonl.zst or .txt file with at least 10 MB of text");
  const work = resolve(values.work);
  await mkdir(work, { recursive: true });

  // 1. Rows, and everything both sides start from.
  const folders = {
    tokenizer: join(work, "tokenizer"),
    packed: join(work, "packed"),
    run: join(work, "run"),
  };
  const vocabulary = ["--vocab-size", String(vocabSize), "--out", folders.tokenizer];
  await apt3("train-tokenizer", "--input", text, ...vocabulary);
  const rows = ["--seq-len", String(sequenceLength), "--validation-share", "0.01", "--out", folders.packed];
  await apt3("pack", "--input", text, "--tokenizer", folders.tokenizer, ...rows);
  const data = await openPackedData(folders.packed);
  const config = trainingConfig(data, steps);
  await writeFile(join(work, "learn.yaml"), formatTrainingConfig(config));
  const peer = join(work, "torch");
  await mkdir(peer, { recursive: true });
  await writeStart(peer, config, data, Number(values.threads));
  print(
    `${countParameters(config.model).toLocaleString("en")} parameters, ${steps} steps of ${rowsPerStep} × ${sequenceLength} tokens = ${(steps * rowsPerStep * sequenceLength).toLocaleString("en")} tokens`,
  );

  // 2. Training, here and there.
  const ours = async () => {
    await apt3(
      "pretrain",
      "--config",
      join(work, "learn.yaml"),
      "--data",
      folders.packed,
      "--out",
      folders.run,
      "--backend",
      "cpu",
    );
    await apt3(
      "export",
      "--run",
      folders.run,
      "--tokenizer",
      folders.tokenizer,
      "--out",
      join(work, "ours"),
      "--precision",
      "f32",
    );
  };
  const theirs = async () => {
    if (python === undefined || (await exists(join(peer, "trained", "config.json")))) return;
    const { OPENBLAS_CORETYPE: _, ...env } = process.env;
    await runChild(python, [fileURLToPath(new URL("learn_torch.py", import.meta.url)), peer], env);
  };
  if (values.together) await Promise.all([ours(), theirs()]);
  else await ours().then(theirs);

  // 3. What both have learnt.
  const backend = await openBackend("cpu");
  const mine = await score(backend, join(work, "ours"), data);
  print(`apt3   ${describe(mine)}`);
  if (python === undefined) print("torch  not measured (no --python with torch and transformers)");
  else {
    const other = await score(backend, join(peer, "trained"), data);
    print(`torch  ${describe(other)}`);
    print(`bits per byte, apt3 / torch: ${(mine.bitsPerByte / other.bitsPerByte).toFixed(4)}`);
  }
  await backend.close();
}

function trainingConfig(data: PackedData, steps: number): TrainingConfig {
  const settings = {
    seed,
    model: { ...modelSettings, rmsNormEpsilon: 1e-6, ropeTheta: 10_000, initializerRange: 0.02 },
    batch: { microBatch: rowsPerStep, accumulation: 1 },
    schedule: { steps, learningRate: 1e-3, minLearningRate: 1e-4, warmupSteps: 40 },
    optimizer: { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
    data: { epochs: 1 },
    precision: "bf16",
    recompute: "none",
    evaluation: { every: 100, rows: 199 },
    checkpoint: { every: 50, keep: 1 },
  };
  const shape = { vocabSize: data.tokenizer.vocabSize, seqLen: data.seqLen };
  return parseTrainingConfig("learn.yaml", JSON.stringify(settings), shape);
}

/** Our initial weights, our rows in our order, and our learning rates, for the peer. */
async function writeStart(
  folder: string,
  { model, optimizer, schedule }: TrainingConfig,
  data: PackedData,
  threads: number,
): Promise<void> {
  const loader = new RowLoader(data, "train", seed);
  const { steps } = schedule;
  const rows = await loader.next(steps * rowsPerStep);
  await writeFile(join(folder, "rows.bin"), Uint16Array.from(rows));
  await loader.close();
  const tensors: WrittenTensor[] = listParameterTensors(model).flatMap((tensor) =>
    splitParts(tensor, initialValues(model, tensor, seed)).map(({ name, shape, values }) => ({
      name,
      shape,
      values: async () => values,
    })),
  );
  const chunks: Uint8Array[] = [];
  await writeSafetensors(async (chunk) => void chunks.push(chunk.slice()), "F32", tensors, { format: "pt" });
  await writeFile(join(folder, "initial.safetensors"), Buffer.concat(chunks));
  const facts = {
    config: huggingFaceConfig(model, { bos: 1, eos: 2, pad: 3 }, "f32"),
    rowsPerStep,
    sequenceLength,
    optimizer,
    learningRates: Array.from({ length: steps }, (_, step) => learningRateAt(step, schedule)),
    threads,
  };
  await writeFile(join(folder, "facts.json"), JSON.stringify(facts));
}

/** Scores a Hugging Face folder on all held-out rows, in float32. */
async function score(backend: Backend, path: string, data: PackedData) {
  const folder = await openModelFolder(path);
  const shape = {
    sequences: 1,
    sequenceLength,
    computeType: "f32",
    recompute: "full",
    documentAttention: false,
  } as const;
  const model = createForwardModel(backend, { config: folder.config, ...shape });
  await setWeights(model, (tensor) => folder.read(tensor));
  await folder.close();
  const loader = new RowLoader(data, "validation", seed);
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

const describe = ({ bitsPerByte, loss, accuracy, tokens }: Awaited<ReturnType<typeof score>>) =>
  `${bitsPerByte.toFixed(4)} bits per byte, loss ${loss.toFixed(4)}, accuracy ${(100 * accuracy).toFixed(1)} % of ${tokens.toLocaleString("en")} held-out tokens`;

const print = (line: string) => process.stdout.write(`${line}\n`);

const apt3 = (...words: string[]) =>
  runChild(
    process.execPath,
    [fileURLToPath(new URL("../../bin/apt3.ts", import.meta.url)), ...words],
    process.env,
  );

/** Runs a command to its end with our output; its last lines say what it did. */
async function runChild(command: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, words, { stdio: ["ignore", "inherit", "inherit"], env });
  const code = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`${words.slice(0, 2).join(" ")} ended with ${code}`);
}
