import { basename, join } from "node:path";
import type { ModelConfig } from "../model/config.ts";
import { type ModelFolder, openModelFolder } from "../model/hugging-face.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { exists, hashFile } from "../pipeline/runtime/files.ts";
import { fingerprint } from "../pipeline/runtime/manifest.ts";

/** The weights of an existing model, from which a new run starts. */
export interface InitialWeights {
  readonly folder: ModelFolder;
  /** Hash of all weight files; part of what makes a run that run. */
  readonly sha256: string;
}

/** What must be the same for weights to mean the same. */
const decisive = [
  "vocabSize",
  "layers",
  "dModel",
  "heads",
  "kvHeads",
  "dHidden",
  "ropeTheta",
  "rmsNormEpsilon",
] as const satisfies readonly (keyof ModelConfig)[];

/**
 * Opens a LLaMA-shaped Hugging Face folder to start a run from.
 *
 * @param tokenizerSha256 of the tokenizer the data was packed with
 * @throws UserError when it is another model than the config's, or one of another tokenizer
 */
export async function openInitialWeights(
  path: string,
  model: ModelConfig,
  tokenizerSha256: string,
): Promise<InitialWeights> {
  const folder = await openModelFolder(path);
  try {
    for (const key of decisive) {
      if (folder.config[key] === model[key]) continue;
      throw new UserError(
        `--init-from ${path}: its ${key} is ${folder.config[key]}, the config has model.${key} ${model[key]}; make the config that of the folder`,
      );
    }
    const tokenizer = join(path, "tokenizer.json");
    if ((await exists(tokenizer)) && (await hashFile(tokenizer)).sha256 !== tokenizerSha256) {
      throw new UserError(
        `--init-from ${path}: its tokenizer.json is not the one the data was packed with; pack with --tokenizer ${path}`,
      );
    }
    const hashes: Record<string, string> = {};
    for (const file of folder.paths) hashes[basename(file)] = (await hashFile(file)).sha256;
    return { folder, sha256: fingerprint(hashes) };
  } catch (error) {
    await folder.close();
    throw error;
  }
}
