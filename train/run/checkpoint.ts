import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { DeviceBuffer } from "../../model/backend.ts";
import { splitParts } from "../../model/hugging-face.ts";
import type { TrainingModel } from "../../model/llama.ts";
import {
  countParameters,
  listParameterTensors,
  listTensors,
  type ModelTensors,
  type ParameterTensor,
} from "../../model/parameters.ts";
import {
  openSafetensors,
  type SafetensorsFile,
  type WrittenTensor,
  writeSafetensors,
} from "../../model/safetensors.ts";
import { exactWeights, setWeights } from "../../model/training-model.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { AtomicFile, exists, type FileRecord, hashFile, syncFolder } from "../../pipeline/runtime/files.ts";
import { readJson, writeJson } from "../../pipeline/runtime/manifest.ts";
import { type Checkpoint, checkpointFolder, partialEnding } from "./checkpoint-list.ts";

/**
 * A checkpoint is a folder `step-000100` with everything needed to continue bit for bit: float32 weights, AdamW's
 * moments, and the state below. There is no generator to save: the order of the data follows from the seed, which is
 * part of the config, and the cursor. A folder is written under another name and renamed when it is complete.
 */

const count = z.int().nonnegative();

const runStateSchema = z.strictObject({
  /** Completed steps. */
  step: count,
  /** Steps that changed no weight (see `StepMetrics.skipped`); they do not count in AdamW's bias correction. */
  skippedSteps: count,
  cursor: z.strictObject({ epoch: count, row: count }),
  /** Tokens trained on. */
  tokens: count,
});

/** What a run knows besides its tensors. */
export type RunState = z.infer<typeof runStateSchema>;

const fileRecord = z.strictObject({ bytes: count, sha256: z.string() });

const stateFileSchema = z.strictObject({
  format: z.literal("apt3.checkpoint/1"),
  /** Fingerprint of the run: its config and data. */
  run: z.string(),
  tokenizer: z.string(),
  backend: z.string(),
  state: runStateSchema,
  files: z.strictObject({ "weights.safetensors": fileRecord, "moments.safetensors": fileRecord }),
});

type StateFile = z.infer<typeof stateFileSchema>;

/** What a checkpoint must match to be continued. */
export interface RunIdentity {
  readonly fingerprint: string;
  readonly tokenizerSha256: string;
}

/** Bytes of a checkpoint: weights and two moments in float32. */
export const checkpointBytes = (model: TrainingModel): number => 3 * 4 * countParameters(model.shape.config);

/**
 * Writes a checkpoint; one of the same step is left as it is, since it can only be equal.
 *
 * @param options.snapshot read every buffer at once, before this function first waits: the caller may then go on
 * training while the copies are written. Without it, one buffer at a time is in main memory.
 */
export async function saveCheckpoint(
  folder: string,
  model: TrainingModel,
  state: RunState,
  identity: RunIdentity,
  options: { readonly snapshot: boolean } = { snapshot: false },
): Promise<Checkpoint> {
  const path = join(folder, checkpointFolder(state.step));
  const weights = tensorsToWrite(model, [["", exactWeights(model)]], options.snapshot);
  const moments = tensorsToWrite(
    model,
    [
      ["exp_avg.", model.state.firstMoments],
      ["exp_avg_sq.", model.state.secondMoments],
    ],
    options.snapshot,
  );
  if (await exists(path)) return { path, step: state.step };
  const partial = path + partialEnding;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const content: StateFile = {
    format: "apt3.checkpoint/1",
    run: identity.fingerprint,
    tokenizer: identity.tokenizerSha256,
    backend: model.backend.name,
    state,
    files: {
      "weights.safetensors": await writeTensors(join(partial, "weights.safetensors"), weights),
      "moments.safetensors": await writeTensors(join(partial, "moments.safetensors"), moments),
    },
  };
  await writeJson(join(partial, "state.json"), content);
  await syncFolder(partial);
  await rename(partial, path);
  await syncFolder(folder);
  return { path, step: state.step };
}

/** Trees of float32 buffers under their Hugging Face names, each tree with a prefix. */
function tensorsToWrite(
  { backend, shape }: TrainingModel,
  trees: readonly (readonly [prefix: string, tensors: ModelTensors<DeviceBuffer>])[],
  snapshot: boolean,
): WrittenTensor[] {
  const described = listParameterTensors(shape.config);
  return trees.flatMap(([prefix, tensors]) => {
    const buffers = listTensors(tensors);
    return described.flatMap((tensor, index) => {
      const read = () => backend.read(buffers[index]!);
      if (!snapshot) return partsToWrite(prefix, tensor, read);
      const values = read();
      values.catch(() => undefined); // Seen when its turn to be written comes.
      return partsToWrite(prefix, tensor, () => values);
    });
  });
}

async function writeTensors(path: string, tensors: readonly WrittenTensor[]): Promise<FileRecord> {
  const file = await AtomicFile.create(path);
  try {
    // PyTorch's readers want to be told whose memory layout this is.
    await writeSafetensors((chunk) => file.write(chunk), "F32", tensors, { format: "pt" });
    return await file.commit();
  } finally {
    await file.discard();
  }
}

/** The parts of one buffer, which is read when the first part is written and dropped after the last. */
function partsToWrite(
  prefix: string,
  tensor: ParameterTensor,
  read: () => Promise<Float32Array>,
): WrittenTensor[] {
  let values: Promise<Float32Array> | undefined;
  return tensor.parts.map(({ name, shape }, index) => ({
    name: prefix + name,
    shape,
    async values() {
      values ??= read();
      const part = splitParts(tensor, await values)[index]!.values;
      if (index === tensor.parts.length - 1) values = undefined;
      return part;
    },
  }));
}

/**
 * Puts a checkpoint's weights and moments on the device, after comparing every file with its recorded hash.
 *
 * @throws UserError when the checkpoint is damaged or of another run
 */
export async function loadCheckpoint(
  { path }: Checkpoint,
  model: TrainingModel,
  identity: RunIdentity,
): Promise<RunState> {
  const { state, run, tokenizer } = await verifyCheckpoint(path);
  if (tokenizer !== identity.tokenizerSha256) {
    throw new UserError(
      `${path}: was trained with another tokenizer; choose another --out or the data it was made with`,
    );
  }
  if (run !== identity.fingerprint) {
    throw new UserError(`${path}: belongs to a run of another config or other data; choose another --out`);
  }
  const weights = await openSafetensors(join(path, "weights.safetensors"));
  const moments = await openSafetensors(join(path, "moments.safetensors"));
  try {
    await setWeights(model, (tensor) => readParts(weights, "", tensor));
    await writeBuffers(model, model.state.firstMoments, moments, "exp_avg.");
    await writeBuffers(model, model.state.secondMoments, moments, "exp_avg_sq.");
  } finally {
    await weights.close();
    await moments.close();
  }
  return state;
}

/** Reads a checkpoint's state and compares its files with it. */
export async function verifyCheckpoint(path: string): Promise<StateFile> {
  const statePath = join(path, "state.json");
  const remedy = `remove ${path} to continue from the checkpoint before it`;
  if (!(await exists(statePath))) throw new UserError(`${statePath}: is missing; ${remedy}`);
  const content = await readJson(statePath, stateFileSchema);
  for (const [name, record] of Object.entries(content.files)) {
    const file = join(path, name);
    if (!(await exists(file))) throw new UserError(`${file}: is missing; ${remedy}`);
    const found = await hashFile(file);
    if (found.bytes !== record.bytes) {
      throw new UserError(`${file}: ${found.bytes} bytes instead of ${record.bytes}; ${remedy}`);
    }
    if (found.sha256 !== record.sha256)
      throw new UserError(`${file}: its content has changed (sha256); ${remedy}`);
  }
  return content;
}

async function writeBuffers(
  { backend, shape }: TrainingModel,
  tensors: ModelTensors<DeviceBuffer>,
  file: SafetensorsFile,
  prefix: string,
): Promise<void> {
  const buffers = listTensors(tensors);
  for (const [index, tensor] of listParameterTensors(shape.config).entries()) {
    backend.write(buffers[index]!, await readParts(file, prefix, tensor));
  }
}

async function readParts(
  file: SafetensorsFile,
  prefix: string,
  { parts, rows, columns }: ParameterTensor,
): Promise<Float32Array> {
  const values = new Float32Array(rows * columns);
  let offset = 0;
  for (const { name } of parts) {
    const part = await file.readFloats(prefix + name);
    values.set(part, offset);
    offset += part.length;
  }
  return values;
}
