import type { Backend, DeviceBuffer, RopeArguments } from "./backend.ts";
import { headSize } from "./config.ts";
import type { LayerTensors } from "./parameters.ts";
import {
  attentionShape,
  type ForwardState,
  type LayerActivations,
  type TrainingShape,
  type TrainingState,
} from "./training-state.ts";

/** A model that scores texts: its shape and its buffers on a backend. */
export interface ForwardModel {
  readonly backend: Backend;
  readonly shape: TrainingShape;
  readonly state: ForwardState<DeviceBuffer>;
}

/** A model being trained. */
export interface TrainingModel extends ForwardModel {
  readonly state: TrainingState<DeviceBuffer>;
}

/**
 * Enqueues the forward pass of the micro-batch in `state.inputs`, up to the logits. Kept activations follow the
 * recompute policy.
 */
export function forward(model: ForwardModel): void {
  const { backend, shape, state } = model;
  const { weights, inputs, layers, final } = state;
  const first = layers[0]?.input ?? final.input;
  backend.embedding({ ids: inputs.ids, weight: weights.embedding, out: first });
  layers.forEach((activations, index) => {
    const layerWeights = weights.layers[index]!;
    layerUpToHidden(model, layerWeights, activations);
    backend.matmul({
      a: activations.mlpHidden,
      b: layerWeights.down,
      out: layers[index + 1]?.input ?? final.input,
      transposition: "nt",
      plus: activations.middle,
    });
  });
  const epsilon = shape.config.rmsNormEpsilon;
  backend.rmsNorm({
    x: final.input,
    gain: weights.finalNorm,
    epsilon,
    out: final.normed,
    scale: final.scale,
  });
  backend.matmul({ a: final.normed, b: weights.head, out: final.logits, transposition: "nt" });
}

/** A layer's forward pass from its input to the hidden layer of the MLP: all that a backward pass may need again. */
function layerUpToHidden(
  model: ForwardModel,
  weights: LayerTensors<DeviceBuffer>,
  activations: LayerActivations<DeviceBuffer>,
): void {
  const { backend, shape } = model;
  const { input, attentionNormed, attentionScale, qkv, attention, logSumExp, middle } = activations;
  const { mlpNormed, mlpScale, gateUp, mlpHidden } = activations;
  const epsilon = shape.config.rmsNormEpsilon;

  backend.rmsNorm({
    x: input,
    gain: weights.attentionNorm,
    epsilon,
    out: attentionNormed,
    scale: attentionScale,
  });
  backend.matmul({ a: attentionNormed, b: weights.qkv, out: qkv, transposition: "nt" });
  backend.rope(rotation(model, qkv));
  backend.attention({ ...attentionContext(model), qkv, out: attention, logSumExp });
  backend.matmul({ a: attention, b: weights.attentionOutput, out: middle, transposition: "nt", plus: input });

  backend.rmsNorm({ x: middle, gain: weights.mlpNorm, epsilon, out: mlpNormed, scale: mlpScale });
  backend.matmulSwiglu({ x: mlpNormed, weight: weights.gateUp, gateUp, out: mlpHidden });
}

/**
 * Enqueues the loss: adds to `state.sums`, and with `gradientScale` turns the logits into their gradient.
 * `gradientScale` is 1 / (targets of the whole step), which makes the step's gradient that of the mean loss.
 */
export function loss({ backend, state }: ForwardModel, gradientScale: number | undefined): void {
  backend.crossEntropy({
    logits: state.final.logits,
    targets: state.inputs.targets,
    sums: state.sums,
    ...(gradientScale === undefined ? {} : { gradientScale }),
  });
}

/**
 * Enqueues forward pass, loss and backward pass of the micro-batch in `state.inputs`; backends that can, record them the
 * first time and repeat the recording.
 *
 * @param gradientScale see `loss`; the same for all micro-batches of a step
 */
export function accumulateMicroBatch(model: TrainingModel, gradientScale: number): void {
  model.backend.repeat([model.state, gradientScale], () => {
    forward(model);
    loss(model, gradientScale);
    backward(model);
  });
}

/** Enqueues the backward pass after `loss`: adds to every gradient of `state.gradients`. */
export function backward(model: TrainingModel): void {
  const { backend, state } = model;
  const { weights, gradients, inputs, layers, final } = state;
  const { residual, normed } = state.activationGradients;

  // The loss left the gradient of the logits where the logits were.
  backend.matmul({ a: final.logits, b: weights.head, out: normed, transposition: "nn" });
  accumulate(backend, gradients.head, final.logits, final.normed);
  backend.zero(residual);
  backend.rmsNormBackward({
    x: final.input,
    gain: weights.finalNorm,
    scale: final.scale,
    dOut: normed,
    dX: residual,
    dGain: gradients.finalNorm,
  });
  for (let index = layers.length - 1; index >= 0; index--) {
    const activations = layers[index]!;
    recomputeLayer(model, weights.layers[index]!, activations);
    layerBackward(model, weights.layers[index]!, gradients.layers[index]!, activations);
  }
  backend.embeddingBackward({ ids: inputs.ids, dOut: residual, dWeight: gradients.embedding });
}

/** Brings back the activations that the recompute policy did not keep. */
function recomputeLayer(
  model: TrainingModel,
  weights: LayerTensors<DeviceBuffer>,
  activations: LayerActivations<DeviceBuffer>,
): void {
  const { backend, shape } = model;
  if (shape.recompute === "full") layerUpToHidden(model, weights, activations);
  if (shape.recompute !== "selective") return;
  const { input, attentionNormed, attentionScale, middle, mlpNormed, mlpScale, gateUp, mlpHidden } =
    activations;
  const epsilon = shape.config.rmsNormEpsilon;
  backend.rmsNorm({
    x: input,
    gain: weights.attentionNorm,
    epsilon,
    out: attentionNormed,
    scale: attentionScale,
  });
  backend.rmsNorm({ x: middle, gain: weights.mlpNorm, epsilon, out: mlpNormed, scale: mlpScale });
  backend.swiglu({ gateUp, out: mlpHidden });
}

/** From the gradient of the layer's output in `residual` to that of its input, in place. */
function layerBackward(
  model: TrainingModel,
  weights: LayerTensors<DeviceBuffer>,
  gradients: LayerTensors<DeviceBuffer>,
  activations: LayerActivations<DeviceBuffer>,
): void {
  const { backend, state } = model;
  const { residual, normed, qkv: dQkv, attention: dAttention, rowSums } = state.activationGradients;
  const { gateUp: dGateUp, mlpHidden: dHidden } = state.activationGradients;

  const dDown = residualOperand(model);
  accumulate(backend, gradients.down, dDown, activations.mlpHidden);
  const { gateUp } = activations;
  backend.matmulSwigluBackward({ dOut: dDown, weight: weights.down, gateUp, dHidden, dGateUp });
  backend.matmul({ a: dGateUp, b: weights.gateUp, out: normed, transposition: "nn" });
  accumulate(backend, gradients.gateUp, dGateUp, activations.mlpNormed);
  backend.rmsNormBackward({
    x: activations.middle,
    gain: weights.mlpNorm,
    scale: activations.mlpScale,
    dOut: normed,
    dX: residual,
    dGain: gradients.mlpNorm,
  });

  const dProjection = residualOperand(model);
  backend.matmul({ a: dProjection, b: weights.attentionOutput, out: dAttention, transposition: "nn" });
  accumulate(backend, gradients.attentionOutput, dProjection, activations.attention);
  const { qkv, attention, logSumExp } = activations;
  const context = attentionContext(model);
  backend.attentionBackward({ ...context, qkv, out: attention, logSumExp, dOut: dAttention, dQkv, rowSums });
  backend.ropeBackward(rotation(model, dQkv));
  backend.matmul({ a: dQkv, b: weights.qkv, out: normed, transposition: "nn" });
  accumulate(backend, gradients.qkv, dQkv, activations.attentionNormed);
  backend.rmsNormBackward({
    x: activations.input,
    gain: weights.attentionNorm,
    scale: activations.attentionScale,
    dOut: normed,
    dX: residual,
    dGain: gradients.attentionNorm,
  });
}

/** The gradient of the residual stream as it is now, in the type that products take. */
function residualOperand({ backend, state }: TrainingModel): DeviceBuffer {
  const { residual, residualOperand: operand } = state.activationGradients;
  if (operand !== residual) {
    backend.copy({ from: residual, fromRow: 0, to: operand, toRow: 0, rows: residual.rows });
  }
  return operand;
}

/** gradient += dOutᵀ · input: the gradient of a weight matrix. */
function accumulate(backend: Backend, gradient: DeviceBuffer, dOut: DeviceBuffer, input: DeviceBuffer): void {
  backend.matmul({ a: dOut, b: input, out: gradient, transposition: "tn", plus: gradient });
}

/** Queries and keys are rotated, values are not. */
function rotation({ shape, state }: ForwardModel, qkv: DeviceBuffer): RopeArguments {
  const { heads, kvHeads } = shape.config;
  const { positions, ropeTable } = state.inputs;
  return { x: qkv, heads: heads + kvHeads, headSize: headSize(shape.config), positions, table: ropeTable };
}

function attentionContext({ shape, state }: ForwardModel) {
  const { documentStarts } = state.inputs;
  return { shape: attentionShape(shape), ...(documentStarts === undefined ? {} : { documentStarts }) };
}
