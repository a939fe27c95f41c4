import type { BufferSpec, ComputeType, DType } from "./backend.ts";
import { headSize, type ModelConfig, qkvWidth } from "./config.ts";
import {
  buildModelTensors,
  listTensors,
  type ModelTensors,
  type ParameterTensor,
  weightType,
} from "./parameters.ts";
import type {
  ActivationGradients,
  ForwardState,
  Inputs,
  LayerActivations,
  MemoryKind,
  TrainingShape,
  TrainingState,
} from "./training-state.ts";

/** Makes whatever stands for one buffer. */
export type MakeBuffer<T> = (kind: MemoryKind, spec: BufferSpec) => T;

/**
 * Lays out everything training holds. Called once with a `make` that notes sizes (the memory plan) and once with a
 * `make` that allocates, so that the plan is what is allocated.
 */
export function buildTrainingState<T>(shape: TrainingShape, make: MakeBuffer<T>): TrainingState<T> {
  const { config, computeType } = shape;
  const forward = buildForwardState(shape, make);
  const tensors = (kind: MemoryKind, suffix: string, dtype: DType = "f32") =>
    buildModelTensors(config, (tensor) => make(kind, parameterBuffer(tensor, dtype, suffix)));
  return {
    ...forward,
    master: computeType === "bf16" ? buildMaster(config, forward.weights, make) : undefined,
    gradients: tensors("gradients", " (gradient)"),
    firstMoments: tensors("moments", " (first moment)", shape.moments),
    secondMoments: tensors("moments", " (second moment)", shape.moments),
    activationGradients: buildActivationGradients(shape, tokensOf(shape), make),
    squaredNorm: make("workspace", activation("squared norm", "f32", 1, 1)),
  };
}

/** Lays out what scoring a text holds: weights and one forward pass, nothing of the backward pass. */
export function buildForwardState<T>(shape: TrainingShape, make: MakeBuffer<T>): ForwardState<T> {
  const { config, computeType } = shape;
  const tokens = tokensOf(shape);
  return {
    weights: buildWeights(config, computeType, (spec) => make("weights", spec)),
    inputs: buildInputs(config, tokens, shape.documentAttention, make),
    layers: buildLayerActivations(shape, tokens, make),
    final: {
      input: make("activations", activation("final.input", "f32", tokens, config.dModel)),
      normed: make("activations", activation("final.normed", computeType, tokens, config.dModel)),
      scale: make("activations", activation("final.scale", "f32", tokens, 1)),
      logits: make("logits", activation("logits", computeType, tokens, config.vocabSize)),
    },
    sums: make("workspace", activation("loss sums", "f32", 1, 3)),
  };
}

const tokensOf = ({ sequences, sequenceLength }: TrainingShape): number => sequences * sequenceLength;

/** What a forward pass in `computeType` reads. */
export function buildWeights<T>(
  config: ModelConfig,
  computeType: ComputeType,
  make: (spec: BufferSpec) => T,
): ModelTensors<T> {
  return buildModelTensors(config, (tensor) =>
    make(parameterBuffer(tensor, weightType(tensor, computeType))),
  );
}

/** The float32 truth behind bf16 weights: a buffer more where the weight is not float32 itself. */
function buildMaster<T>(config: ModelConfig, weights: ModelTensors<T>, make: MakeBuffer<T>): ModelTensors<T> {
  const exact = listTensors(weights).values();
  return buildModelTensors(config, (tensor) => {
    const weight = exact.next().value!;
    if (weightType(tensor, "bf16") === "f32") return weight;
    return make("master weights", parameterBuffer(tensor, "f32", " (master)"));
  });
}

const parameterBuffer = (
  { name, rows, columns }: ParameterTensor,
  dtype: DType,
  suffix = "",
): BufferSpec => ({
  name: `${name}${suffix}`,
  dtype,
  rows,
  columns,
});

function activation(name: string, dtype: DType, rows: number, columns: number): BufferSpec {
  return { name, dtype, rows, columns };
}

/** The inputs of `tokens` tokens; `generate` uses them too, without targets' meaning. */
function buildInputs<T>(
  config: ModelConfig,
  tokens: number,
  documentAttention: boolean,
  make: MakeBuffer<T>,
): Inputs<T> {
  const column = (name: string) => make("inputs", { name, dtype: "i32", rows: tokens, columns: 1 });
  return {
    ids: column("token ids"),
    targets: column("targets"),
    positions: column("positions"),
    ropeTable: make("inputs", {
      name: "rotary table",
      dtype: "f32",
      rows: config.maxSequenceLength,
      columns: headSize(config),
    }),
    documentStarts: documentAttention ? column("document starts") : undefined,
  };
}

function buildLayerActivations<T>(
  { config, computeType, recompute }: TrainingShape,
  tokens: number,
  make: MakeBuffer<T>,
): LayerActivations<T>[] {
  const { dModel, dHidden, heads } = config;
  /** A buffer for each layer, or one that all layers share because it is computed again. */
  const buffers = (kept: boolean, name: string, dtype: DType, columns: number): ((layer: number) => T) => {
    if (kept)
      return (layer) => make("activations", activation(`layer ${layer}.${name}`, dtype, tokens, columns));
    const shared = make("activations", activation(`shared ${name}`, dtype, tokens, columns));
    return () => shared;
  };
  const all = recompute === "none";
  const most = recompute !== "full";
  const input = buffers(true, "input", "f32", dModel);
  const attentionNormed = buffers(all, "attentionNormed", computeType, dModel);
  const attentionScale = buffers(most, "attentionScale", "f32", 1);
  const qkv = buffers(most, "qkv", computeType, qkvWidth(config));
  const attention = buffers(most, "attention", computeType, heads * headSize(config));
  const logSumExp = buffers(most, "logSumExp", "f32", heads);
  const middle = buffers(most, "middle", "f32", dModel);
  const mlpNormed = buffers(all, "mlpNormed", computeType, dModel);
  const mlpScale = buffers(most, "mlpScale", "f32", 1);
  const gateUp = buffers(most, "gateUp", computeType, 2 * dHidden);
  const mlpHidden = buffers(all, "mlpHidden", computeType, dHidden);
  return Array.from({ length: config.layers }, (_, layer) => ({
    input: input(layer),
    attentionNormed: attentionNormed(layer),
    attentionScale: attentionScale(layer),
    qkv: qkv(layer),
    attention: attention(layer),
    logSumExp: logSumExp(layer),
    middle: middle(layer),
    mlpNormed: mlpNormed(layer),
    mlpScale: mlpScale(layer),
    gateUp: gateUp(layer),
    mlpHidden: mlpHidden(layer),
  }));
}

function buildActivationGradients<T>(
  { config, computeType }: TrainingShape,
  tokens: number,
  make: MakeBuffer<T>,
): ActivationGradients<T> {
  const { dModel, dHidden, heads } = config;
  const buffer = (name: string, columns: number, dtype: DType = computeType) =>
    make("activation gradients", activation(`gradient of ${name}`, dtype, tokens, columns));
  const residual = buffer("residual", dModel, "f32");
  return {
    residual,
    residualOperand: computeType === "f32" ? residual : buffer("residual, rounded", dModel),
    normed: buffer("normed", dModel),
    qkv: buffer("qkv", qkvWidth(config)),
    attention: buffer("attention", heads * headSize(config)),
    rowSums: buffer("attention row sums", heads, "f32"),
    gateUp: buffer("gateUp", 2 * dHidden),
    mlpHidden: buffer("mlpHidden", dHidden),
  };
}
