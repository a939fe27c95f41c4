import type { AttentionShape, Backend, ComputeType, DeviceBuffer, DType } from "./backend.ts";
import { headSize, type ModelConfig, qkvWidth } from "./config.ts";
import { ModelInputError } from "./input-error.ts";
import type { ModelTensors } from "./parameters.ts";
import { rotaryTable } from "./rotary.ts";

/** Texts being continued side by side: the model and the keys and values of all their tokens so far. */
export interface InferenceBatch {
  readonly config: ModelConfig;
  /** Positions there is memory for, in every text. */
  readonly capacity: number;
  /** Tokens each text has been fed so far. */
  readonly lengths: readonly number[];
  /**
   * Feeds tokens to every text, as many as each brings, and returns for each the logits after its last one; undefined
   * for a text that brings none.
   */
  feed(tokens: readonly (readonly number[])[]): Promise<(Float32Array | undefined)[]>;
  close(): void;
}

/** One text being continued. */
export interface InferenceSession {
  readonly config: ModelConfig;
  readonly capacity: number;
  /** Tokens fed so far. */
  readonly length: number;
  /** Feeds tokens and returns the logits for the token after the last of them. */
  feed(ids: readonly number[]): Promise<Float32Array>;
  close(): void;
}

/** What a pass over some tokens computes on the way; reused for every pass over as many tokens. */
interface Scratch {
  /** Tokens of each text. */
  readonly columns: number;
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

/** Starts one text; see `createInferenceBatch`. */
export function createInferenceSession(
  backend: Backend,
  config: ModelConfig,
  weights: ModelTensors<DeviceBuffer>,
  capacity: number = config.maxSequenceLength,
): InferenceSession {
  const batch = createInferenceBatch(backend, config, weights, { sequences: 1, capacity });
  return {
    config,
    capacity: batch.capacity,
    get length() {
      return batch.lengths[0]!;
    },
    async feed(ids) {
      const [logits] = await batch.feed([ids]);
      if (logits === undefined) throw new ModelInputError("the prompt has no tokens; give at least one");
      return logits;
    },
    close: batch.close,
  };
}

/**
 * Starts texts. Memory for `capacity` tokens of keys and values of every text is taken at once.
 *
 * @param options.capacity at most `config.maxSequenceLength`, which is also the default
 */
export function createInferenceBatch(
  backend: Backend,
  config: ModelConfig,
  weights: ModelTensors<DeviceBuffer>,
  options: { readonly sequences: number; readonly capacity?: number },
): InferenceBatch {
  const { sequences } = options;
  const capacity = Math.min(options.capacity ?? config.maxSequenceLength, config.maxSequenceLength);
  const computeType: ComputeType = weights.embedding.dtype === "bf16" ? "bf16" : "f32";
  const owned = new Set<DeviceBuffer>();
  const create = (name: string, dtype: DType, rows: number, columns: number) => {
    const buffer = backend.create({ name, dtype, rows, columns });
    owned.add(buffer);
    return buffer;
  };
  const kvWidth = 2 * config.kvHeads * headSize(config);
  const caches = weights.layers.map((_, layer) =>
    create(`layer ${layer} cache`, computeType, sequences * capacity, kvWidth),
  );
  const table = create("rotary table", "f32", capacity, headSize(config));
  backend.write(table, rotaryTable({ ...config, maxSequenceLength: capacity }));
  const last = create("last hidden", "f32", sequences, config.dModel);
  const lastNormed = create("last normed", computeType, sequences, config.dModel);
  const lastScale = create("last scale", "f32", sequences, 1);
  const logits = create("logits", computeType, sequences, config.vocabSize);
  const epsilon = config.rmsNormEpsilon;
  const lengths = new Array<number>(sequences).fill(0);

  function createScratch(columns: number): Scratch {
    const tokens = sequences * columns;
    return {
      columns,
      ids: create("token ids", "i32", tokens, 1),
      positions: create("positions", "i32", tokens, 1),
      hidden: create("hidden", "f32", tokens, config.dModel),
      normed: create("normed", computeType, tokens, config.dModel),
      scale: create("scale", "f32", tokens, 1),
      qkv: create("qkv", computeType, tokens, qkvWidth(config)),
      attention: create("attention", computeType, tokens, config.heads * headSize(config)),
      gateUp: create("gateUp", computeType, tokens, 2 * config.dHidden),
      mlpHidden: create("mlpHidden", computeType, tokens, config.dHidden),
    };
  }

  let scratch = createScratch(1);
  /** Scratch for a pass; that of a longer prompt is given back when it is over. */
  function scratchFor(columns: number): Scratch {
    if (scratch.columns === columns) return scratch;
    const { columns: _columns, ...buffers } = scratch;
    for (const buffer of Object.values(buffers)) {
      backend.free(buffer);
      owned.delete(buffer);
    }
    scratch = createScratch(columns);
    return scratch;
  }

  function layer(index: number, { columns, hidden, normed, scale, ...to }: Scratch): void {
    const own = weights.layers[index]!;
    const shape: AttentionShape = {
      sequences,
      sequenceLength: columns,
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
    capacity,
    lengths,
    async feed(tokens) {
      for (const [text, ids] of tokens.entries()) checkTokens(ids, lengths[text]!, capacity, config);
      const columns = Math.max(...tokens.map((ids) => ids.length));
      if (columns === 0) return tokens.map(() => undefined);
      const used = scratchFor(columns);
      const rows = layOut(tokens, lengths, columns, capacity);
      backend.write(used.ids, rows.ids);
      backend.write(used.positions, rows.positions);
      backend.embedding({ ids: used.ids, weight: weights.embedding, out: used.hidden });
      for (let index = 0; index < config.layers; index++) layer(index, used);
      for (const [text, ids] of tokens.entries()) {
        const fromRow = text * columns + Math.max(ids.length - 1, 0);
        backend.copy({ from: used.hidden, fromRow, to: last, toRow: text, rows: 1 });
        lengths[text]! += ids.length;
      }
      backend.rmsNorm({ x: last, gain: weights.finalNorm, epsilon, out: lastNormed, scale: lastScale });
      backend.matmul({ a: lastNormed, b: weights.head, out: logits, transposition: "nt" });
      const values = await backend.read(logits);
      const { vocabSize } = config;
      return tokens.map((ids, text) =>
        ids.length === 0 ? undefined : values.subarray(text * vocabSize, (text + 1) * vocabSize),
      );
    },
    close() {
      for (const buffer of owned) backend.free(buffer);
      owned.clear();
    },
  };
}

/**
 * Bytes that a batch takes on the device, but for the backend's own scratch memory.
 *
 * @param longestFeed tokens of the longest prompt
 */
export function inferenceBytes(
  config: ModelConfig,
  computeType: ComputeType,
  { sequences, capacity, longestFeed }: { sequences: number; capacity: number; longestFeed: number },
): number {
  const size = computeType === "bf16" ? 2 : 4;
  const width = headSize(config);
  const cache = config.layers * sequences * capacity * 2 * config.kvHeads * width;
  const token = config.dModel + qkvWidth(config) + config.heads * width + 3 * config.dHidden;
  const computed = cache + sequences * (longestFeed * token + config.dModel + config.vocabSize);
  // The residual stream and the rotary table are float32.
  const exact = sequences * (longestFeed + 1) * config.dModel + capacity * width;
  return size * computed + 4 * exact;
}

/**
 * Texts of different lengths in one rectangle: each is filled up on the right. A filler stands at a position that is
 * not taken yet, so no real token sees it, and its key and value are overwritten when the real token of that position
 * comes; it costs time and nothing else. Only a finished text, which is fed nothing but fillers, can have them at the
 * end of its memory.
 */
function layOut(
  tokens: readonly (readonly number[])[],
  lengths: readonly number[],
  columns: number,
  capacity: number,
): { ids: Int32Array; positions: Int32Array } {
  const ids = new Int32Array(tokens.length * columns);
  const positions = new Int32Array(ids.length);
  for (const [text, row] of tokens.entries()) {
    ids.set(row, text * columns);
    for (let column = 0; column < columns; column++) {
      positions[text * columns + column] = Math.min(lengths[text]! + column, capacity - 1);
    }
  }
  return { ids, positions };
}

function checkTokens(ids: readonly number[], length: number, capacity: number, config: ModelConfig): void {
  if (length + ids.length > capacity) {
    throw new ModelInputError(
      `${length + ids.length} tokens do not fit the model's context of ${capacity}; shorten the prompt`,
    );
  }
  const foreign = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocabSize);
  if (foreign !== undefined) {
    throw new ModelInputError(
      `token id ${foreign} is not in the model's vocabulary of ${config.vocabSize}; use the tokenizer the model was trained with`,
    );
  }
}
