import { spawn } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ComputeType } from "../../../model/backend.ts";
import { huggingFaceConfig, splitParts } from "../../../model/hugging-face.ts";
import { initialValues } from "../../../model/init.ts";
import { listParameterTensors } from "../../../model/parameters.ts";
import { type WrittenTensor, writeSafetensors } from "../../../model/safetensors.ts";
import { exists } from "../../../pipeline/runtime/files.ts";
import { formatTrainingConfig, rowsPerStep, type TrainingConfig } from "../../../train/config.ts";
import { RowLoader } from "../../../train/data/loader.ts";
import type { PackedData } from "../../../train/data/packed-data.ts";
import { learningRateAt } from "../../../train/schedule.ts";

/** One training, of which both sides get the same: weights to start from, rows in order, learning rates. */
export interface Lesson {
  /** Where everything of this training is kept; what is done is not done again. */
  readonly folder: string;
  readonly config: TrainingConfig;
  readonly data: PackedData;
  readonly tokenizer: string;
  readonly precision: ComputeType;
}

/** Trains with our command on the `cpu` backend; returns a Hugging Face folder. */
export async function trainHere({ folder, config, data, tokenizer, precision }: Lesson): Promise<string> {
  const [run, out] = [join(folder, `run-${precision}`), join(folder, `apt3-${precision}`)];
  const path = join(folder, `learn-${precision}.yaml`);
  await mkdir(folder, { recursive: true });
  await writeFile(path, formatTrainingConfig(config));
  await apt3("pretrain", "--config", path, "--data", data.folder, "--out", run, "--backend", "cpu");
  await apt3("export", "--run", run, "--tokenizer", tokenizer, "--out", out, "--precision", "f32");
  return out;
}

/** Trains in PyTorch; returns a Hugging Face folder. */
export async function trainInTorch(lesson: Lesson, python: string, threads: number): Promise<string> {
  const { folder, precision } = lesson;
  const [start, out] = [join(folder, "start"), join(folder, `torch-${precision}`)];
  if (await exists(out)) return out;
  if (!(await exists(start))) await writeStart(start, lesson);
  // OPENBLAS_CORETYPE may pin a slower kernel than the processor has.
  const { OPENBLAS_CORETYPE: _, ...env } = process.env;
  const script = fileURLToPath(new URL("../learn_torch.py", import.meta.url));
  await runChild(python, [script, start, `${out}.part`, precision, String(threads)], env);
  await rename(`${out}.part`, out);
  return out;
}

/** Our initial weights, our rows in our order, and our learning rates, for the peer. */
async function writeStart(folder: string, { config, data }: Lesson): Promise<void> {
  const { model, optimizer, schedule, seed } = config;
  const partial = `${folder}.part`;
  await mkdir(partial, { recursive: true });
  const loader = new RowLoader(data, "train", seed);
  const rows = await loader.next(schedule.steps * rowsPerStep(config));
  await loader.close();
  await writeFile(join(partial, "rows.bin"), Uint16Array.from(rows));
  const tensors: WrittenTensor[] = listParameterTensors(model).flatMap((tensor) =>
    splitParts(tensor, initialValues(model, tensor, seed)).map(({ name, shape, values }) => ({
      name,
      shape,
      values: async () => values,
    })),
  );
  const chunks: Uint8Array[] = [];
  await writeSafetensors(async (chunk) => void chunks.push(chunk.slice()), "F32", tensors, { format: "pt" });
  await writeFile(join(partial, "initial.safetensors"), Buffer.concat(chunks));
  const facts = {
    config: huggingFaceConfig(model, { bos: 1, eos: 2, pad: 3 }, "f32"),
    rowsPerStep: rowsPerStep(config),
    sequenceLength: config.batch.sequenceLength,
    optimizer,
    learningRates: Array.from({ length: schedule.steps }, (_, step) => learningRateAt(step, schedule)),
  };
  await writeFile(join(partial, "facts.json"), JSON.stringify(facts));
  await rename(partial, folder);
}

/** Runs one of our commands to its end with our output. */
export const apt3 = (...words: string[]): Promise<void> =>
  runChild(
    process.execPath,
    [fileURLToPath(new URL("../../../bin/apt3.ts", import.meta.url)), ...words],
    process.env,
  );

async function runChild(command: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, words, { stdio: ["ignore", "inherit", "inherit"], env });
  const code = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`${words.slice(0, 2).join(" ")} ended with ${code}`);
}
