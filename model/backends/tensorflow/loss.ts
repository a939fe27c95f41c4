import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./library.ts";

interface Loss {
  /** [3]: summed loss, targets ranked first, targets. */
  readonly sums: Tensor1D;
  /** Gradients of blocks of rows, in order; none without a gradient scale. */
  readonly gradients: readonly Tensor2D[];
}

/** See `Backend.crossEntropy`. Goes by rows of at most `blockBytes`; what comes first of equal logits is left to TensorFlow.js. */
export function crossEntropy(
  tf: TensorFlow,
  logits: Tensor2D,
  targets: Int32Array,
  gradientScale: number | undefined,
  blockBytes: number,
): Loss {
  const [rows, vocabulary] = logits.shape;
  const tooLarge = targets.findIndex((target) => target >= vocabulary);
  if (tooLarge >= 0) {
    throw new Error(`target ${targets[tooLarge]} of row ${tooLarge} is not in 0…${vocabulary - 1}`);
  }
  const most = Math.max(1, Math.floor(blockBytes / (4 * vocabulary)));
  const gradients: Tensor2D[] = [];
  const sums: Tensor1D[] = [];
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from);
    const part = tf.tidy(() =>
      blockLoss(
        tf,
        tf.slice(logits, [from, 0], [count, vocabulary]),
        targets.subarray(from, from + count),
        gradientScale,
      ),
    );
    sums.push(part.sums);
    if (part.gradient !== undefined) gradients.push(part.gradient);
  }
  return { sums: tf.sum(tf.stack(sums), 0), gradients };
}

function blockLoss(tf: TensorFlow, logits: Tensor2D, targets: Int32Array, gradientScale: number | undefined) {
  const [rows, vocabulary] = logits.shape;
  const counted: Tensor2D = tf.tensor2d(
    Float32Array.from(targets, (target) => (target < 0 ? 0 : 1)),
    [rows, 1],
  );
  const wanted = tf.tensor1d(
    targets.map((target) => Math.max(target, 0)),
    "int32",
  );
  // Cast, since WebAssembly's oneHot of TensorFlow.js 4.22 writes integers into float32 tensors.
  const oneHot = tf.tidy(() => tf.cast(tf.oneHot(wanted, vocabulary) as Tensor2D, "float32"));
  const isFirst = tf.cast(tf.equal(tf.argMax(logits, 1), wanted), "float32");
  const correct = tf.mul(tf.reshape(isFirst, [rows, 1]), counted);

  const shifted = tf.tidy(() => tf.sub(logits, tf.max(logits, 1, true)));
  const targetLogit = tf.tidy(() => tf.sum(tf.mul(shifted, oneHot), 1, true));
  const powers = tf.exp(shifted);
  tf.dispose(shifted);
  const sum = tf.sum(powers, 1, true);
  const loss = tf.mul(tf.sub(tf.log(sum), targetLogit), counted);
  const sums = tf.stack([tf.sum(loss), tf.sum(correct), tf.sum(counted)]) as Tensor1D;
  if (gradientScale === undefined) return { sums };
  const difference = tf.tidy(() => tf.sub(tf.div(powers, sum), oneHot));
  tf.dispose([powers, oneHot]);
  const gradient: Tensor2D = tf.mul(difference, tf.mul(counted, gradientScale));
  return { sums, gradient };
}

/**
 * Bytes that the loss takes besides its buffers: five matrices of a block (logits, one-hot targets, differences of
 * logits, their powers or products), and the gradients.
 */
export const lossBytes = (logitBytes: number, blockBytes: number): number =>
  5 * Math.min(logitBytes, blockBytes) + logitBytes;
