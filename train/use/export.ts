import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ComputeType } from "../../model/backend.ts";
import {
  huggingFaceConfig,
  huggingFaceGenerationConfig,
  type SpecialTokenIds,
} from "../../model/hugging-face.ts";
import { listParameterTensors, type Parameter } from "../../model/parameters.ts";
import { openSafetensors, type SafetensorsFile, writeSafetensors } from "../../model/safetensors.ts";
import type { Figures, JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { AtomicFile, exists, type FileRecord } from "../../pipeline/runtime/files.ts";
import { openJobFolder } from "../../pipeline/runtime/job-folder.ts";
import { fingerprint, writeJson } from "../../pipeline/runtime/manifest.ts";
import { loadTokenizer } from "../../tokenizer/load.ts";
import { readTrainingConfig, type TrainingConfig } from "../config.ts";
import { verifyCheckpoint } from "../run/checkpoint.ts";
import { bestCheckpoint, type Checkpoint, listCheckpoints } from "../run/checkpoint-list.ts";
import { readHistory } from "../run/metrics.ts";
import { checkpointsOf, configPathOf, metricsOf, readRun } from "../run/run-folder.ts";

export interface ExportOptions {
  /** The folder of a run. */
  readonly run: string;
  /** The Hugging Face folder to be made. */
  readonly out: string;
  /** The folder of the tokenizer the run's data was packed with. */
  readonly tokenizer: string;
  readonly precision: ComputeType;
  /** Which of the run's checkpoints: the newest, the one that evaluated best, or that of a step. */
  readonly checkpoint?: "newest" | "best" | number | undefined;
  /** Larger weights are split into files of at most this many bytes, unless a single tensor is larger. */
  readonly maxShardBytes?: number | undefined;
}

/** `transformers` splits at 5 GB too. */
const defaultShardBytes = 5e9;

const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];

const exportManifestSchema = z.strictObject({
  format: z.literal("apt3.export/1"),
  fingerprint: z.string(),
  complete: z.boolean(),
  step: z.int(),
});

/** Turns a checkpoint of a run into a folder that `transformers` and `generate` load. */
export async function exportRun(options: ExportOptions, context: JobContext): Promise<Figures> {
  const run = await readRun(options.run);
  const config = await readTrainingConfig(configPathOf(options.run), undefined);
  const checkpoint = await chooseCheckpoint(options);
  const special = await checkTokenizer(options, run.tokenizerSha256);
  const { files } = await verifyCheckpoint(checkpoint.path);
  const maxShardBytes = options.maxShardBytes ?? defaultShardBytes;
  const { precision } = options;
  const exportFingerprint = fingerprint({
    weights: files["weights.safetensors"].sha256,
    precision,
    maxShardBytes,
  });
  const folder = await openJobFolder(options.out, {
    fingerprint: exportFingerprint,
    schema: exportManifestSchema,
    settings: "the checkpoint, the precision or the size of files",
  });
  try {
    const weights = await writeWeights(checkpoint.path, options, config, maxShardBytes, context);
    await writeJson(
      join(options.out, "config.json"),
      huggingFaceConfig(config.model, special, options.precision),
    );
    await writeJson(join(options.out, "generation_config.json"), huggingFaceGenerationConfig(special));
    for (const name of tokenizerFiles) {
      const from = join(options.tokenizer, name);
      if (await exists(from)) await copyFile(from, join(options.out, name));
    }
    const { step } = checkpoint;
    await folder.save({
      format: "apt3.export/1",
      fingerprint: exportFingerprint,
      complete: true,
      step,
    });
    context.print(
      `${options.out}: step ${step} of ${options.run}, ${precision}, ${weights.length === 1 ? "one file" : `${weights.length} files`} of weights`,
    );
    return { out: options.out, step, weights };
  } finally {
    await folder.release();
  }
}

/** The special tokens of the tokenizer, after making sure that it is the one the run was trained with. */
async function checkTokenizer(options: ExportOptions, expected: string): Promise<SpecialTokenIds> {
  const { tokenizer, sha256 } = await loadTokenizer(options.tokenizer);
  if (sha256 !== expected) {
    throw new UserError(
      `${options.tokenizer}: is not the tokenizer ${options.run} was trained with; give that one with --tokenizer`,
    );
  }
  const { bosId, eosId, padId } = tokenizer;
  if (bosId === undefined || eosId === undefined) {
    throw new UserError(`${options.tokenizer}: has no <s> or no </s> token, which the exported config needs`);
  }
  return { bos: bosId, eos: eosId, pad: padId };
}

async function chooseCheckpoint({ run, checkpoint: wanted = "newest" }: ExportOptions): Promise<Checkpoint> {
  const checkpoints = await listCheckpoints(checkpointsOf(run));
  const steps = checkpoints.map(({ step }) => step).join(", ");
  if (checkpoints.length === 0) {
    throw new UserError(`${run}: has no checkpoint yet; train it with \`npm run pretrain\``);
  }
  const { evaluations } = await readHistory(metricsOf(run));
  const chosen =
    wanted === "newest"
      ? checkpoints.at(-1)
      : wanted === "best"
        ? bestCheckpoint(checkpoints, evaluations)
        : checkpoints.find(({ step }) => step === wanted);
  if (chosen !== undefined) return chosen;
  throw new UserError(
    wanted === "best"
      ? `${run}: no checkpoint has been evaluated, so none is known to be best; give --checkpoint newest or a step (${steps})`
      : `${run}: has no checkpoint of step ${wanted}; there are ${steps}`,
  );
}

/** Writes the weights, in one file or several with an index, and returns what was written. */
async function writeWeights(
  checkpoint: string,
  { out, precision }: ExportOptions,
  config: TrainingConfig,
  maxShardBytes: number,
  context: JobContext,
): Promise<FileRecord[]> {
  const parameters = listParameterTensors(config.model).flatMap(({ parts }) => parts);
  const shards = splitIntoShards(parameters, precision, maxShardBytes);
  const source = await openSafetensors(join(checkpoint, "weights.safetensors"));
  try {
    const written: FileRecord[] = [];
    const weightMap: Record<string, string> = {};
    for (const [index, shard] of shards.entries()) {
      const name = shardName(index, shards.length);
      written.push(await writeShard(join(out, name), shard, precision, source, context));
      for (const parameter of shard) weightMap[parameter.name] = name;
    }
    if (shards.length > 1) {
      const totalSize = parameters.reduce((sum, parameter) => sum + bytesOf(parameter, precision), 0);
      await writeJson(join(out, "model.safetensors.index.json"), {
        metadata: { total_size: totalSize },
        weight_map: weightMap,
      });
    }
    return written;
  } finally {
    await source.close();
  }
}

/** The names `transformers` gives. */
function shardName(index: number, count: number): string {
  const digits = (number: number) => String(number).padStart(5, "0");
  return count === 1 ? "model.safetensors" : `model-${digits(index + 1)}-of-${digits(count)}.safetensors`;
}

const bytesOf = ({ shape }: Parameter, precision: ComputeType): number =>
  shape.reduce((product, length) => product * length, precision === "f32" ? 4 : 2);

/** Fills one file after the other, in the order of the parameters. */
function splitIntoShards(
  parameters: readonly Parameter[],
  precision: ComputeType,
  maxBytes: number,
): Parameter[][] {
  const shards: Parameter[][] = [];
  let room = 0;
  for (const parameter of parameters) {
    const bytes = bytesOf(parameter, precision);
    if (shards.length === 0 || bytes > room) {
      shards.push([]);
      room = maxBytes;
    }
    shards.at(-1)!.push(parameter);
    room -= bytes;
  }
  return shards;
}

async function writeShard(
  path: string,
  parameters: readonly Parameter[],
  precision: ComputeType,
  source: SafetensorsFile,
  context: JobContext,
): Promise<FileRecord> {
  const file = await AtomicFile.create(path);
  try {
    const tensors = parameters.map(({ name, shape }) => ({
      name,
      shape,
      values: () => {
        context.signal.throwIfAborted();
        return source.readFloats(name);
      },
    }));
    const dtype = precision === "f32" ? "F32" : "BF16";
    await writeSafetensors((chunk) => file.write(chunk), dtype, tensors, { format: "pt" });
    return await file.commit();
  } finally {
    await file.discard();
  }
}
