import type { AttentionShape, Backend, ComputeType, DeviceBuffer, DType } from "./backend.ts";
import { headSize, type ModelConfig, qkvWidth } from "./config.ts";
import { ModelInputError } from "./input-error.ts";
import type { ModelTensors } from "./parameters.ts";
import { rotaryTable } from "./rotary.ts";

/** One text being continued: the model and the keys and values of all tokens so far. */
export interface InferenceSession {
  readonly config: ModelConfig;
  /** Tokens fed so far. */
  readonly length: number;
  /** Feeds tokens and returns the logits for the token after the last of them. */
  feed(ids: readonly number[]): Promise<Float32Array>;
  close(): void;
}

/** What a pass over some tokens computes on the way; reused for every pass over as many tokens. */
interface Scratch {
  readonly tokens: number;
  readonly ids: DeviceBuffer;
  readonly positions: DeviceBuffer;
  readonly hidden: DeviceBuffer;
  readonly normed: DeviceBuffer;
  readonly scale: DeviceBuffer;
  readonly qkv: DeviceBuffer;
  readonly attention: DeviceBuffer;
  readonly gateUp: DeviceBuffer;
  readonly mlpHidden: DeviceBuffer;
}

/** Starts a text. Memory for `config.maxSequenceLength` tokens of keys and values is taken at once. */
export function createInferenceSession(
  backend: Backend,
  config: ModelConfig,
  weights: ModelTensors<DeviceBuffer>,
): InferenceSession {
  const computeType: ComputeType = weights.embedding.dtype === "bf16" ? "bf16" : "f32";
  const capacity = config.maxSequenceLength;
  const owned: DeviceBuffer[] = [];
  const create = (name: string, dtype: DType, rows: number, columns: number) => {
    const buffer = backend.create({ name, dtype, rows, columns });
    owned.push(buffer);
    return buffer;
  };
  const kvWidth = 2 * config.kvHeads * headSize(config);
  const caches = weights.layers.map((_, layer) =>
    create(`layer ${layer} cache`, computeType, capacity, kvWidth),
  );
  const table = create("rotary table", "f32", capacity, headSize(config));
  backend.write(table, rotaryTable(config));
  const last = create("last hidden", computeType, 1, config.dModel);
  const lastNormed = create("last normed", computeType, 1, config.dModel);
  const lastScale = create("last scale", "f32", 1, 1);
  const logits = create("logits", computeType, 1, config.vocabSize);

  const scratchFor = (tokens: number): Scratch => ({
    tokens,
    ids: create("token ids", "i32", tokens, 1),
    positions: create("positions", "i32", tokens, 1),
    hidden: create("hidden", computeType, tokens, config.dModel),
    normed: create("normed", computeType, tokens, config.dModel),
    scale: create("scale", "f32", tokens, 1),
    qkv: create("qkv", computeType, tokens, qkvWidth(config)),
    attention: create("attention", computeType, tokens, config.heads * headSize(config)),
    gateUp: create("gateUp", computeType, tokens, 2 * config.dHidden),
    mlpHidden: create("mlpHidden", computeType, tokens, config.dHidden),
  });
  const epsilon = config.rmsNormEpsilon;
  let scratch = scratchFor(1);
  let length = 0;

  function layer(index: number, { tokens, hidden, normed, scale, ...to }: Scratch): void {
    const own = weights.layers[index]!;
    const shape: AttentionShape = {
      sequences: 1,
      sequenceLength: tokens,
      heads: config.heads,
      kvHeads: config.kvHeads,
      headSize: headSize(config),
    };
    const { qkv, attention, positions, gateUp, mlpHidden } = to;
    backend.rmsNorm({ x: hidden, gain: own.attentionNorm, epsilon, out: normed, scale });
    backend.matmul({ a: normed, b: own.qkv, out: qkv, transposition: "nt" });
    const heads = config.heads + config.kvHeads;
    backend.rope({ x: qkv, heads, headSize: headSize(config), positions, table });
    backend.cachedAttention({ shape, capacity, positions, qkv, cache: caches[index]!, out: attention });
    backend.matmul({ a: attention, b: own.attentionOutput, out: hidden, transposition: "nt", plus: hidden });
    backend.rmsNorm({ x: hidden, gain: own.mlpNorm, epsilon, out: normed, scale });
    backend.matmul({ a: normed, b: own.gateUp, out: gateUp, transposition: "nt" });
    backend.swiglu({ gateUp, out: mlpHidden });
    backend.matmul({ a: mlpHidden, b: own.down, out: hidden, transposition: "nt", plus: hidden });
  }

  return {
    config,
    get length() {
      return length;
    },
    async feed(ids) {
      checkTokens(ids, length, config);
      if (scratch.tokens !== ids.length) scratch = scratchFor(ids.length);
      backend.write(scratch.ids, Int32Array.from(ids));
      backend.write(
        scratch.positions,
        Int32Array.from(ids, (_, index) => length + index),
      );
      backend.embedding({ ids: scratch.ids, weight: weights.embedding, out: scratch.hidden });
      for (let index = 0; index < config.layers; index++) layer(index, scratch);
      backend.copy({ from: scratch.hidden, fromRow: ids.length - 1, to: last, toRow: 0, rows: 1 });
      backend.rmsNorm({ x: last, gain: weights.finalNorm, epsilon, out: lastNormed, scale: lastScale });
      backend.matmul({ a: lastNormed, b: weights.head, out: logits, transposition: "nt" });
      length += ids.length;
      return backend.read(logits);
    },
    close() {
      for (const buffer of owned.splice(0)) backend.free(buffer);
    },
  };
}

function checkTokens(ids: readonly number[], length: number, config: ModelConfig): void {
  if (ids.length === 0) throw new ModelInputError("the prompt has no tokens; give at least one");
  if (length + ids.length > config.maxSequenceLength) {
    throw new ModelInputError(
      `${length + ids.length} tokens do not fit the model's context of ${config.maxSequenceLength}; shorten the prompt`,
    );
  }
  const foreign = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocabSize);
  if (foreign !== undefined) {
    throw new ModelInputError(
      `token id ${foreign} is not in the model's vocabulary of ${config.vocabSize}; use the tokenizer the model was trained with`,
    );
  }
}
