import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { checkIndices } from "./buffer.ts";
import type { TensorFlow } from "./library.ts";

export function embedding(tf: TensorFlow, ids: Int32Array, weight: Tensor2D): Tensor2D {
  checkIndices("token id", ids, weight.shape[0]);
  return tf.gather(weight, tf.tensor1d(ids, "int32"));
}

/**
 * dWeight[ids[t]] += dOut[t]. A GPU that scatters rows to one place adds them up in any order. Here the rows of each id
 * are added up first, in pairs, so that no two rows go to the same place: the same bits every time, in ⌈log₂ n⌉ passes
 * for an id that comes n times.
 */
export function embeddingBackward(
  tf: TensorFlow,
  ids: Int32Array,
  dOut: Tensor2D,
  dWeight: Tensor2D,
): Tensor2D {
  const [tokens, features] = dOut.shape;
  checkIndices("token id", ids, dWeight.shape[0]);
  const indices = (values: number[]): Tensor1D => tf.tensor1d(values, "int32");
  const order = [...ids.keys()].sort((a, b) => ids[a]! - ids[b]! || a - b);
  let sorted = order.map((token) => ids[token]!);
  // The last row is always zero: the partner of a row that has none.
  const withZero = tf.concat([dOut, tf.fill([1, features], 0) as Tensor2D], 0);
  let rows = tf.gather(withZero, indices([...order, tokens]));
  for (let pairs = pairUp(sorted); pairs.left.length < sorted.length; pairs = pairUp(sorted)) {
    const zero = sorted.length;
    const left = tf.gather(rows, indices([...pairs.left, zero]));
    const right = tf.gather(rows, indices([...pairs.right.map((row) => row ?? zero), zero]));
    rows = tf.add(left, right);
    sorted = pairs.left.map((row) => sorted[row]!);
  }
  const sums = tf.slice(rows, [0, 0], [sorted.length, features]);
  const before = tf.gather(dWeight, indices(sorted));
  const places = tf.tensor2d(sorted, [sorted.length, 1], "int32");
  return tf.tensorScatterUpdate(dWeight, places, tf.add(before, sums)) as Tensor2D;
}

/** Pairs of neighbours with equal ids; a row without such a neighbour stands alone. */
function pairUp(sorted: readonly number[]) {
  const left: number[] = [];
  const right: (number | undefined)[] = [];
  for (let row = 0; row < sorted.length; row++) {
    const paired = sorted[row + 1] === sorted[row];
    left.push(row);
    right.push(paired ? row + 1 : undefined);
    if (paired) row += 1;
  }
  return { left, right };
}
