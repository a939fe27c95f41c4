import type { ComputeType } from "./backend.ts";
import { headSize, type ModelConfig } from "./config.ts";

/** A parameter as the outside world knows it: its name and shape in a Hugging Face checkpoint. */
export interface Parameter {
  readonly name: string;
  /** [features] for a norm gain, [outputs, inputs] for a matrix. */
  readonly shape: readonly number[];
  readonly init: "ones" | "normal" | "residual";
}

/**
 * One buffer of parameters. Query, key and value projections lie under one another in a single matrix, and so do gate
 * and up, so that a device multiplies once where the checkpoint has several matrices. Rows of a fused matrix are
 * independent outputs: gradients and AdamW's update are the same as those of the parts.
 */
export interface ParameterTensor {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Weight decay applies to matrices (embeddings included), not to norm gains. */
  readonly decay: boolean;
  /** In the order of their rows. */
  readonly parts: readonly Parameter[];
}

/** The type in which a forward pass reads a parameter: norm gains stay float32 (see the rules of the contract). */
export const weightType = ({ decay }: ParameterTensor, computeType: ComputeType): ComputeType =>
  decay ? computeType : "f32";

/** Anything that exists once a parameter buffer: the weights, gradients, moments, or their descriptions. */
export interface ModelTensors<T> {
  readonly embedding: T;
  readonly layers: readonly LayerTensors<T>[];
  readonly finalNorm: T;
  readonly head: T;
}

export interface LayerTensors<T> {
  readonly attentionNorm: T;
  readonly qkv: T;
  readonly attentionOutput: T;
  readonly mlpNorm: T;
  readonly gateUp: T;
  readonly down: T;
}

function gain(name: string, features: number): ParameterTensor {
  return {
    name,
    rows: 1,
    columns: features,
    decay: false,
    parts: [{ name, shape: [features], init: "ones" }],
  };
}

function matrix(
  name: string,
  columns: number,
  parts: readonly { name: string; rows: number }[],
  init: "normal" | "residual" = "normal",
): ParameterTensor {
  return {
    name,
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    columns,
    decay: true,
    parts: parts.map((part) => ({ name: part.name, shape: [part.rows, columns], init })),
  };
}

function layerTensors<T>(
  config: ModelConfig,
  layer: number,
  make: (tensor: ParameterTensor) => T,
): LayerTensors<T> {
  const at = `model.layers.${layer}`;
  const { dModel, dHidden } = config;
  const attentionWidth = config.heads * headSize(config);
  const kvWidth = config.kvHeads * headSize(config);
  return {
    attentionNorm: make(gain(`${at}.input_layernorm.weight`, dModel)),
    qkv: make(
      matrix(`${at}.self_attn.qkv`, dModel, [
        { name: `${at}.self_attn.q_proj.weight`, rows: attentionWidth },
        { name: `${at}.self_attn.k_proj.weight`, rows: kvWidth },
        { name: `${at}.self_attn.v_proj.weight`, rows: kvWidth },
      ]),
    ),
    attentionOutput: make(
      matrix(
        `${at}.self_attn.o_proj`,
        attentionWidth,
        [{ name: `${at}.self_attn.o_proj.weight`, rows: dModel }],
        "residual",
      ),
    ),
    mlpNorm: make(gain(`${at}.post_attention_layernorm.weight`, dModel)),
    gateUp: make(
      matrix(`${at}.mlp.gate_up`, dModel, [
        { name: `${at}.mlp.gate_proj.weight`, rows: dHidden },
        { name: `${at}.mlp.up_proj.weight`, rows: dHidden },
      ]),
    ),
    down: make(
      matrix(
        `${at}.mlp.down_proj`,
        dHidden,
        [{ name: `${at}.mlp.down_proj.weight`, rows: dModel }],
        "residual",
      ),
    ),
  };
}

/** Builds a tree with one `T` a parameter buffer; `make` is called in forward order. */
export function buildModelTensors<T>(
  config: ModelConfig,
  make: (tensor: ParameterTensor) => T,
): ModelTensors<T> {
  const { vocabSize, dModel } = config;
  return {
    embedding: make(
      matrix("model.embed_tokens", dModel, [{ name: "model.embed_tokens.weight", rows: vocabSize }]),
    ),
    layers: Array.from({ length: config.layers }, (_, layer) => layerTensors(config, layer, make)),
    finalNorm: make(gain("model.norm.weight", dModel)),
    head: make(matrix("lm_head", dModel, [{ name: "lm_head.weight", rows: vocabSize }])),
  };
}

/** The parameter buffers of a model in forward order. */
export function listParameterTensors(config: ModelConfig): ParameterTensor[] {
  const list: ParameterTensor[] = [];
  buildModelTensors(config, (tensor) => list.push(tensor));
  return list;
}

/** The leaves of a tree, in forward order: that of `listParameterTensors`. */
export function listTensors<T>(tensors: ModelTensors<T>): T[] {
  const layers = tensors.layers.flatMap((layer) => [
    layer.attentionNorm,
    layer.qkv,
    layer.attentionOutput,
    layer.mlpNorm,
    layer.gateUp,
    layer.down,
  ]);
  return [tensors.embedding, ...layers, tensors.finalNorm, tensors.head];
}

/** Number of parameters. */
export function countParameters(config: ModelConfig): number {
  return listParameterTensors(config).reduce((sum, tensor) => sum + tensor.rows * tensor.columns, 0);
}

/**
 * Floating-point operations of training on one token, forward and backward, by the count most reports use:
 * 6·N + 12·layers·dModel·sequenceLength with all parameters in N and attention not halved for causality
 * (PaLM, appendix B). Multiply by tokens per second for the model's FLOP/s.
 */
export function trainingFlopsPerToken(config: ModelConfig, sequenceLength: number): number {
  return 6 * countParameters(config) + 12 * config.layers * config.dModel * sequenceLength;
}
