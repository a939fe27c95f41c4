import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ComputeType } from "./backend.ts";
import { type ModelConfig, modelConfigSchema } from "./config.ts";
import { ModelInputError } from "./input-error.ts";
import { listParameterTensors, type ParameterTensor } from "./parameters.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors.ts";

/** Ids of the special tokens, as `config.json` wants them. */
export interface SpecialTokenIds {
  readonly bos: number;
  readonly eos: number;
  /** Absent where the tokenizer has none. */
  readonly pad: number | undefined;
}

/** The content of `config.json` for `LlamaForCausalLM`. */
export function huggingFaceConfig(
  config: ModelConfig,
  special: SpecialTokenIds,
  dtype: ComputeType,
): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: special.bos,
    eos_token_id: special.eos,
    pad_token_id: special.pad ?? null,
    hidden_act: "silu",
    hidden_size: config.dModel,
    initializer_range: config.initializerRange,
    intermediate_size: config.dHidden,
    max_position_embeddings: config.maxSequenceLength,
    mlp_bias: false,
    model_type: "llama",
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads,
    pretraining_tp: 1,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_scaling: null,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: false,
    torch_dtype: dtype === "f32" ? "float32" : "bfloat16",
    use_cache: true,
    vocab_size: config.vocabSize,
  };
}

/** The content of `generation_config.json`. */
export function huggingFaceGenerationConfig(special: SpecialTokenIds): Record<string, unknown> {
  return {
    bos_token_id: special.bos,
    eos_token_id: special.eos,
    ...(special.pad === undefined ? {} : { pad_token_id: special.pad }),
  };
}

/** A feature this model lacks must be absent or off: weights trained with it would silently compute something else. */
const configFileSchema = z.looseObject({
  model_type: z.literal("llama"),
  hidden_size: z.number(),
  intermediate_size: z.number(),
  num_hidden_layers: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number().optional(),
  head_dim: z.number().nullish(),
  vocab_size: z.number(),
  max_position_embeddings: z.number(),
  rms_norm_eps: z.number(),
  rope_theta: z.number().optional(),
  rope_parameters: z.looseObject({ rope_type: z.literal("default"), rope_theta: z.number() }).optional(),
  rope_scaling: z.null().optional(),
  initializer_range: z.number().default(0.02),
  hidden_act: z.literal("silu").default("silu"),
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  tie_word_embeddings: z.literal(false).default(false),
});

/** Reads the model's shape from the text of a `config.json`; `path` is for messages. */
export function parseHuggingFaceConfig(path: string, text: string): ModelConfig {
  const file = orInputError(path, configFileSchema.safeParse(parseJson(path, text)));
  const headDim = file.head_dim ?? file.hidden_size / file.num_attention_heads;
  if (headDim * file.num_attention_heads !== file.hidden_size) {
    throw new ModelInputError(
      `${path}: head_dim ${headDim} × ${file.num_attention_heads} heads is not hidden_size ${file.hidden_size}, which is not supported`,
    );
  }
  const config = {
    vocabSize: file.vocab_size,
    layers: file.num_hidden_layers,
    dModel: file.hidden_size,
    heads: file.num_attention_heads,
    kvHeads: file.num_key_value_heads ?? file.num_attention_heads,
    dHidden: file.intermediate_size,
    maxSequenceLength: file.max_position_embeddings,
    rmsNormEpsilon: file.rms_norm_eps,
    ropeTheta: file.rope_parameters?.rope_theta ?? file.rope_theta,
    initializerRange: file.initializer_range,
  };
  return orInputError(path, modelConfigSchema.safeParse(config));
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelInputError(`${path}: not valid JSON (${error instanceof Error ? error.message : error})`);
  }
}

function orInputError<T>(path: string, parsed: z.ZodSafeParseResult<T>): T {
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ModelInputError(
    `${path}: ${issue?.path.join(".")}: ${issue?.message}; only plain LLaMA models can be loaded`,
  );
}

/** A model folder whose config and tensor shapes have been checked; weights are read on demand. */
export interface ModelFolder {
  readonly config: ModelConfig;
  /** Its files of weights. */
  readonly paths: readonly string[];
  /** The values of one parameter buffer as float32. */
  read(tensor: ParameterTensor): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Opens a LLaMA-shaped Hugging Face folder: `config.json` and safetensors in one file or several. */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  const configPath = join(folder, "config.json");
  const text = await readFile(configPath, "utf8").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new ModelInputError(
      `${configPath}: no such file; give a folder made by \`npm run export\`, or another LLaMA-shaped Hugging Face folder`,
    );
  });
  const config = parseHuggingFaceConfig(configPath, text);
  const files = await openWeightFiles(folder);
  const fileOf = (name: string): SafetensorsFile => {
    const file = files.find(({ tensors }) => tensors.has(name));
    if (file === undefined) throw new ModelInputError(`${folder}: no weights file has the tensor ${name}`);
    return file;
  };
  const folderOf: ModelFolder = {
    config,
    paths: files.map(({ path }) => path),
    read: ({ parts }) => readParts(parts.map((part) => ({ ...part, file: fileOf(part.name) }))),
    close: async () => void (await Promise.all(files.map((file) => file.close()))),
  };
  try {
    for (const { name, shape } of listParameterTensors(config).flatMap(({ parts }) => parts)) {
      const found = fileOf(name).tensors.get(name)?.shape ?? [];
      if (found.join() !== shape.join()) {
        throw new ModelInputError(
          `${fileOf(name).path}: tensor ${name} is [${found.join(", ")}], config.json asks for [${shape.join(", ")}]`,
        );
      }
    }
  } catch (error) {
    await folderOf.close();
    throw error;
  }
  return folderOf;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

async function readParts(parts: readonly { name: string; file: SafetensorsFile }[]): Promise<Float32Array> {
  const values: Float32Array[] = [];
  for (const { name, file } of parts) {
    const part = await file.readFloats(name);
    if (!allFinite(part))
      throw new ModelInputError(
        `${file.path}: tensor ${name} holds NaN or infinite values; nothing can be computed with them`,
      );
    values.push(part);
  }
  const joined = new Float32Array(values.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of values) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** `x - x` is 0 for every number, and NaN for infinities and NaN, which no sum loses again. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  return sum === 0;
}

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** `model.safetensors`, or the files that `model.safetensors.index.json` names. */
async function openWeightFiles(folder: string): Promise<SafetensorsFile[]> {
  const indexPath = join(folder, "model.safetensors.index.json");
  const index = await readFile(indexPath, "utf8").catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (index === undefined) return [await openSafetensors(join(folder, "model.safetensors"))];
  const names = new Set(
    Object.values(orInputError(indexPath, indexSchema.safeParse(parseJson(indexPath, index))).weight_map),
  );
  const outside = [...names].find((name) => /[/\\]/.test(name));
  if (outside !== undefined) {
    throw new ModelInputError(`${indexPath}: names a file outside the folder: ${outside}`);
  }
  const files: SafetensorsFile[] = [];
  try {
    for (const name of names) files.push(await openSafetensors(join(folder, name)));
    return files;
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

/** The parameters of a buffer with their values cut out of the buffer's. */
export function splitParts(
  { parts }: ParameterTensor,
  values: Float32Array,
): { name: string; shape: readonly number[]; values: Float32Array }[] {
  let offset = 0;
  return parts.map(({ name, shape }) => {
    const end = offset + shape.reduce((product, length) => product * length, 1);
    const part = { name, shape, values: values.subarray(offset, end) };
    offset = end;
    return part;
  });
}
