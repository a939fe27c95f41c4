import type { Scalar, Tensor2D } from "@tensorflow/tfjs-core";
import type { AdamWArguments } from "../../backend.ts";
import type { TensorBuffer } from "./buffer.ts";
import type { TensorFlow } from "./library.ts";

/** Sum of squares, row by row first: one running float32 sum over millions of elements would lose the small ones. */
export const sumOfSquares = (tf: TensorFlow, values: Tensor2D): Scalar =>
  tf.tidy(() => tf.sum(tf.sum(tf.square(values), 1)));

type AdamWStep = Omit<AdamWArguments, "tensors" | "squaredNorm" | "maxNorm"> & {
  readonly weightDecay: number;
  /** Factor of the gradients, from clipping. */
  readonly gradientScale: number;
};

/** Largest number of matrices like the weight that `adamwStep` holds at once besides its four buffers. */
export const adamwMatrices = 4;

/** One AdamW update of one tensor; see `Backend.adamw`. */
export function adamwStep(
  tf: TensorFlow,
  {
    weight,
    gradient,
    firstMoment,
    secondMoment,
  }: Record<"weight" | "gradient" | "firstMoment" | "secondMoment", TensorBuffer>,
  step: AdamWStep,
): void {
  const { beta1, beta2, epsilon, learningRate, update, weightDecay, gradientScale } = step;
  // Each line gives back its intermediates and the moment it replaces before the next one begins.
  tf.tidy(() => {
    const scaled = tf.mul(gradient.tensor, gradientScale * (1 - beta1));
    firstMoment.set(tf, tf.add(tf.mul(firstMoment.tensor, beta1), scaled));
  });
  tf.tidy(() => {
    const squares = tf.mul(tf.square(tf.mul(gradient.tensor, gradientScale)), 1 - beta2);
    secondMoment.set(tf, tf.add(tf.mul(secondMoment.tensor, beta2), squares));
  });
  tf.tidy(() => {
    const secondCorrection = Math.sqrt(1 - beta2 ** update);
    const root = tf.add(tf.div(tf.sqrt(secondMoment.tensor), secondCorrection), epsilon);
    const change = tf.mul(tf.div(firstMoment.tensor, root), learningRate / (1 - beta1 ** update));
    weight.set(tf, tf.sub(tf.mul(weight.tensor, 1 - learningRate * weightDecay), change));
  });
}
