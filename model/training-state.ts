import type { AttentionShape, ComputeType } from "./backend.ts";
import { headSize, type ModelConfig } from "./config.ts";
import type { ModelTensors } from "./parameters.ts";

/**
 * Which activations of the forward pass are kept for the backward pass:
 * - `none` keeps all of them;
 * - `selective` computes norm outputs and the SwiGLU product again, which costs no matrix product;
 * - `full` keeps only each layer's input and runs the layer again.
 */
export type Recompute = "none" | "selective" | "full";

/** Element types in which AdamW's moments can be kept. */
export type MomentType = "f32" | "bf16";

/** All that decides the size of every buffer of training. */
export interface TrainingShape {
  readonly config: ModelConfig;
  /** Sequences in one micro-batch. */
  readonly sequences: number;
  readonly sequenceLength: number;
  readonly computeType: ComputeType;
  readonly recompute: Recompute;
  /** f32 unless said otherwise. */
  readonly moments?: MomentType;
  /** Attention stays inside a document; needs one more buffer of positions. */
  readonly documentAttention: boolean;
}

/** What memory is used for, as the plan's table shows it. */
export type MemoryKind =
  | "weights"
  | "master weights"
  | "gradients"
  | "moments"
  | "activations"
  | "activation gradients"
  | "logits"
  | "inputs"
  | "workspace";

/** What a forward pass and its loss need. `T` is a buffer, or whatever stands for one. */
export interface ForwardState<T> {
  readonly weights: ModelTensors<T>;
  readonly inputs: Inputs<T>;
  readonly layers: readonly LayerActivations<T>[];
  readonly final: FinalActivations<T>;
  /** Summed loss, correct predictions, targets: [1, 3]. */
  readonly sums: T;
}

/** Everything training holds on the device. */
export interface TrainingState<T> extends ForwardState<T> {
  /** The float32 truth behind bf16 weights; of a norm gain, which is float32 itself, the weight. */
  readonly master: ModelTensors<T> | undefined;
  readonly gradients: ModelTensors<T>;
  readonly firstMoments: ModelTensors<T>;
  readonly secondMoments: ModelTensors<T>;
  readonly activationGradients: ActivationGradients<T>;
  /** Squared global norm of the gradients: [1, 1]. */
  readonly squaredNorm: T;
}

/** What one micro-batch brings along. */
export interface Inputs<T> {
  readonly ids: T;
  readonly targets: T;
  readonly positions: T;
  readonly ropeTable: T;
  readonly documentStarts: T | undefined;
}

/** The forward pass of one layer, in order. */
export interface LayerActivations<T> {
  /** The residual stream entering the layer, in float32. */
  readonly input: T;
  readonly attentionNormed: T;
  readonly attentionScale: T;
  readonly qkv: T;
  readonly attention: T;
  readonly logSumExp: T;
  /** The residual stream between attention and MLP, in float32. */
  readonly middle: T;
  readonly mlpNormed: T;
  readonly mlpScale: T;
  readonly gateUp: T;
  readonly mlpHidden: T;
}

export interface FinalActivations<T> {
  /** The residual stream leaving the last layer, in float32. */
  readonly input: T;
  readonly normed: T;
  readonly scale: T;
  /** Becomes its own gradient in the loss. */
  readonly logits: T;
}

/** Scratch of the backward pass, used by one layer after the other. */
export interface ActivationGradients<T> {
  /** Of the residual stream, in float32. */
  readonly residual: T;
  /** The same as operand of products: rounded to the type they take, or `residual` itself. */
  readonly residualOperand: T;
  readonly normed: T;
  readonly qkv: T;
  readonly attention: T;
  readonly rowSums: T;
  readonly gateUp: T;
  readonly mlpHidden: T;
}

/** The attention shape of a training micro-batch. */
export function attentionShape({ config, sequences, sequenceLength }: TrainingShape): AttentionShape {
  return {
    sequences,
    sequenceLength,
    heads: config.heads,
    kvHeads: config.kvHeads,
    headSize: headSize(config),
  };
}
