import type { Scalar, Tensor2D } from "@tensorflow/tfjs-core";
import type { AdamWArguments } from "../../backend.ts";
import { fromBits, roundingNoise, roundStochastically } from "../../stochastic-rounding.ts";
import type { TensorBuffer } from "./buffer.ts";
import type { TensorFlow } from "./library.ts";

/** Sum of squares, row by row first: one running float32 sum over millions of elements would lose the small ones. */
export const sumOfSquares = (tf: TensorFlow, values: Tensor2D): Scalar =>
  tf.tidy(() => tf.sum(tf.sum(tf.square(values), 1)));

interface AdamWBuffers {
  readonly weight: TensorBuffer;
  readonly gradient: TensorBuffer;
  readonly firstMoment: TensorBuffer;
  readonly secondMoment: TensorBuffer;
}

type AdamWStep = Omit<AdamWArguments, "tensors" | "squaredNorm" | "maxNorm"> & {
  readonly weightDecay: number;
  /** Factor of the gradients, from clipping. */
  readonly gradientScale: number;
  /** Of the noise that rounds moments in bf16. */
  readonly roundingSeed: number;
};

/**
 * One AdamW update of one tensor; see `Backend.adamw`. Factors are drawn together, and each `tidy` gives back what it
 * needs no more, so that as few matrices as possible exist at once.
 */
export function adamwStep(tf: TensorFlow, buffers: AdamWBuffers, step: AdamWStep): void {
  const { weight, gradient, firstMoment, secondMoment } = buffers;
  const { beta1, beta2, gradientScale } = step;
  tf.tidy(() => {
    const share = tf.mul(gradient.tensor, gradientScale * (1 - beta1));
    firstMoment.set(tf, tf.add(tf.mul(firstMoment.tensor, beta1), share));
  });
  tf.tidy(() => {
    const share = tf.mul(tf.square(gradient.tensor), gradientScale ** 2 * (1 - beta2));
    secondMoment.set(tf, tf.add(tf.mul(secondMoment.tensor, beta2), share));
  });
  tf.tidy(() => {
    const change = tf.tidy(() => weightChange(tf, buffers, step));
    weight.set(tf, tf.sub(tf.mul(weight.tensor, 1 - step.learningRate * step.weightDecay), change));
  });
  if (firstMoment.dtype === "bf16") {
    roundOnHost(tf, firstMoment, (element) => roundingNoise(step.roundingSeed, element) & 0xffff);
    roundOnHost(tf, secondMoment, (element) => roundingNoise(step.roundingSeed, element) >>> 16);
  }
}

/** rate/(1 − β₁ᵗ) · m / (√v/c + ε) with c = √(1 − β₂ᵗ), multiplied by c above and below. */
function weightChange(tf: TensorFlow, { firstMoment, secondMoment }: AdamWBuffers, step: AdamWStep) {
  const { learningRate, beta1, beta2, epsilon, update } = step;
  const correction = Math.sqrt(1 - beta2 ** update);
  const root = tf.add(tf.sqrt(secondMoment.tensor), epsilon * correction);
  return tf.div(tf.mul(firstMoment.tensor, (learningRate * correction) / (1 - beta1 ** update)), root);
}

/** Rounds moments to bf16. TensorFlow.js cannot see their bits: they go through the host, which is slow. */
function roundOnHost(tf: TensorFlow, moment: TensorBuffer, noise: (element: number) => number): void {
  const values = moment.tensor.dataSync<"float32">();
  const rounded = values.map((value, element) => fromBits(roundStochastically(value, noise(element))));
  moment.set(tf, tf.tensor1d(rounded));
}
