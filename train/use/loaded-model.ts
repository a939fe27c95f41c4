import type { Backend, DeviceBuffer } from "../../model/backend.ts";
import { type BackendName, openBackend } from "../../model/backends/registry.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type ModelFolder, openModelFolder } from "../../model/hugging-face.ts";
import { listParameterTensors, listTensors, type ModelTensors } from "../../model/parameters.ts";
import { buildWeights } from "../../model/training-layout.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import { loadTokenizer } from "../../tokenizer/load.ts";

/** A model folder ready to use: its tokenizer, and a device. */
export interface LoadedModel {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig;
  readonly folder: ModelFolder;
  readonly backend: Backend;
  close(): Promise<void>;
}

/**
 * Opens a Hugging Face folder with a tokenizer; weights are read when `loadWeights` or a caller asks for them.
 *
 * @throws UserError when model and tokenizer do not belong together
 */
export async function loadModel(path: string, backendName: BackendName | "auto"): Promise<LoadedModel> {
  const { tokenizer } = await loadTokenizer(path);
  const folder = await openModelFolder(path);
  try {
    if (tokenizer.vocabSize > folder.config.vocabSize) {
      throw new UserError(
        `${path}: the tokenizer has ${tokenizer.vocabSize} tokens, the model ${folder.config.vocabSize}; they do not belong together`,
      );
    }
    const backend = await openBackend(backendName);
    const close = async () => {
      await folder.close();
      await backend.close();
    };
    return { tokenizer, config: folder.config, folder, backend, close };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** Puts a folder's weights on the device, in bf16 where the backend computes in it. */
export async function loadWeights({ backend, folder }: LoadedModel): Promise<ModelTensors<DeviceBuffer>> {
  const computeType = backend.computeTypes.includes("bf16") ? "bf16" : "f32";
  const weights = buildWeights(folder.config, computeType, (spec) => backend.create(spec));
  const buffers = listTensors(weights);
  for (const [index, tensor] of listParameterTensors(folder.config).entries()) {
    backend.write(buffers[index]!, await folder.read(tensor));
  }
  return weights;
}
