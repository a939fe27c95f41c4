/** RMSNorm, rotary positions and SwiGLU in TensorFlow.js; see `Backend` for what each computes. */

import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./library.ts";

export function rmsNorm(
  tf: TensorFlow,
  x: Tensor2D,
  gain: Tensor2D,
  epsilon: number,
): { out: Tensor2D; scale: Tensor2D } {
  const scale: Tensor2D = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), epsilon));
  return { out: tf.mul(tf.mul(x, scale), gain), scale };
}

/**
 * With s the scale and g = gain ∘ dOut: dX += s·g − x · s³ · mean(x ∘ g); dGain += Σ rows of dOut ∘ x·s.
 */
export function rmsNormBackward(
  tf: TensorFlow,
  forward: { x: Tensor2D; gain: Tensor2D; scale: Tensor2D },
  gradients: { dOut: Tensor2D; dX: Tensor2D; dGain: Tensor2D },
): { dX: Tensor2D; dGain: Tensor2D } {
  const { x, gain, scale } = forward;
  const { dOut, dX, dGain } = gradients;
  const normed = tf.mul(x, scale);
  const scaled = tf.mul(tf.mul(dOut, gain), scale);
  const pull = tf.mul(normed, tf.mean(tf.mul(normed, scaled), 1, true));
  return {
    dX: tf.add(dX, tf.sub(scaled, pull)),
    dGain: tf.add(dGain, tf.sum(tf.mul(dOut, normed), 0, true)),
  };
}

/**
 * Rotates pairs (i, i + headSize/2) of the first heads of every row.
 *
 * @param angles [tokens, headSize]: the cosines of each token's angles, then their sines
 * @param direction −1 rotates back
 */
export function rope(
  tf: TensorFlow,
  x: Tensor2D,
  heads: number,
  headSize: number,
  angles: Tensor2D,
  direction: 1 | -1,
): Tensor2D {
  const [rows, columns] = x.shape;
  const [width, half] = [heads * headSize, headSize / 2];
  const perHead: Tensor3D = tf.reshape(tf.slice(x, [0, 0], [rows, width]), [rows, heads, headSize]);
  const first = tf.slice(perHead, [0, 0, 0], [rows, heads, half]);
  const second = tf.slice(perHead, [0, 0, half], [rows, heads, half]);
  const cosine: Tensor3D = tf.reshape(tf.slice(angles, [0, 0], [rows, half]), [rows, 1, half]);
  const unsigned: Tensor3D = tf.reshape(tf.slice(angles, [0, half], [rows, half]), [rows, 1, half]);
  const sine = direction === 1 ? unsigned : tf.neg(unsigned);
  const rotated = tf.concat(
    [
      tf.sub(tf.mul(first, cosine), tf.mul(second, sine)),
      tf.add(tf.mul(second, cosine), tf.mul(first, sine)),
    ],
    2,
  );
  const flat: Tensor2D = tf.reshape(rotated, [rows, width]);
  return width === columns ? flat : tf.concat([flat, tf.slice(x, [0, width], [rows, columns - width])], 1);
}

/** The gates and the ups, which stand side by side. */
function halves(tf: TensorFlow, gateUp: Tensor2D): readonly [Tensor2D, Tensor2D] {
  const [rows, columns] = gateUp.shape;
  return [
    tf.slice(gateUp, [0, 0], [rows, columns / 2]),
    tf.slice(gateUp, [0, columns / 2], [rows, columns / 2]),
  ];
}

export function swiglu(tf: TensorFlow, gateUp: Tensor2D): Tensor2D {
  const [gate, up] = halves(tf, gateUp);
  return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up);
}

/** silu(g) = g·σ(g), so d silu/dg = σ(g)·(1 + g·(1 − σ(g))). */
export function swigluBackward(tf: TensorFlow, gateUp: Tensor2D, dOut: Tensor2D): Tensor2D {
  const [gate, up] = halves(tf, gateUp);
  const sigmoid: Tensor2D = tf.sigmoid(gate);
  const slope = tf.tidy(() => tf.mul(sigmoid, tf.add(tf.mul(gate, tf.sub(1, sigmoid)), 1)));
  const dGate: Tensor2D = tf.tidy(() => tf.mul(tf.mul(dOut, up), slope));
  const dUp: Tensor2D = tf.tidy(() => tf.mul(dOut, tf.mul(gate, sigmoid)));
  return tf.concat([dGate, dUp], 1);
}
