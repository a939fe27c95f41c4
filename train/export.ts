import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ComputeType } from "../model/backend.ts";
import {
  huggingFaceConfig,
  huggingFaceGenerationConfig,
  type SpecialTokenIds,
} from "../model/hugging-face.ts";
import { listParameterTensors } from "../model/parameters.ts";
import { openSafetensors, writeSafetensors } from "../model/safetensors.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { AtomicFile, exists, type FileRecord } from "../pipeline/runtime/files.ts";
import { openJobFolder } from "../pipeline/runtime/job-folder.ts";
import { fingerprint, writeJson } from "../pipeline/runtime/manifest.ts";
import { loadTokenizer } from "../tokenizer/load.ts";
import { listCheckpoints, verifyCheckpoint } from "./checkpoint.ts";
import { readTrainingConfig, type TrainingConfig } from "./config.ts";
import { checkpointsOf, configPathOf, readRun } from "./run-folder.ts";

export interface ExportOptions {
  /** The folder of a run. */
  readonly run: string;
  /** The Hugging Face folder to be made. */
  readonly out: string;
  /** The folder of the tokenizer the run's data was packed with. */
  readonly tokenizer: string;
  readonly precision: ComputeType;
}

const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];

const exportManifestSchema = z.strictObject({
  format: z.literal("apt3.export/1"),
  fingerprint: z.string(),
  complete: z.boolean(),
  step: z.int(),
});

/** Turns a run's newest checkpoint into a folder that `transformers` and `generate` load. */
export async function exportRun(options: ExportOptions, context: JobContext): Promise<Figures> {
  const run = await readRun(options.run);
  const config = await readTrainingConfig(configPathOf(options.run), undefined);
  const checkpoint = (await listCheckpoints(checkpointsOf(options.run))).at(-1);
  if (checkpoint === undefined) {
    throw new UserError(`${options.run}: has no checkpoint yet; train it with \`npm run pretrain\``);
  }
  const special = await checkTokenizer(options, run.tokenizerSha256);
  const { files } = await verifyCheckpoint(checkpoint.path);
  const folder = await openJobFolder(options.out, {
    fingerprint: fingerprint({ weights: files["weights.safetensors"].sha256, precision: options.precision }),
    schema: exportManifestSchema,
    settings: "the checkpoint or the precision",
  });
  try {
    const weights = await writeWeights(checkpoint.path, options, config, context);
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
      fingerprint: fingerprint({
        weights: files["weights.safetensors"].sha256,
        precision: options.precision,
      }),
      complete: true,
      step,
    });
    context.print(`${options.out}: step ${step} of ${options.run}, ${options.precision}`);
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

async function writeWeights(
  checkpoint: string,
  options: ExportOptions,
  config: TrainingConfig,
  context: JobContext,
): Promise<FileRecord> {
  const source = await openSafetensors(join(checkpoint, "weights.safetensors"));
  const file = await AtomicFile.create(join(options.out, "model.safetensors"));
  try {
    const parameters = listParameterTensors(config.model).flatMap(({ parts }) => parts);
    const tensors = parameters.map(({ name, shape }) => ({
      name,
      shape,
      values: () => {
        context.signal.throwIfAborted();
        return source.readFloats(name);
      },
    }));
    const dtype = options.precision === "f32" ? "F32" : "BF16";
    await writeSafetensors((chunk) => file.write(chunk), dtype, tensors, { format: "pt" });
    return await file.commit();
  } finally {
    await file.discard();
    await source.close();
  }
}
