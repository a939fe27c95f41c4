import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { AttentionShape } from "../../backend.ts";
import type { TensorFlow } from "./library.ts";

/*
 * How attention lays out its heads: apart from each other, or in groups that share a key/value head.
 */

/** Queries, keys and values of a batch: [sequences, heads or kvHeads, tokens, headSize]. */
export interface Heads {
  readonly queries: Tensor4D;
  readonly keys: Tensor4D;
  readonly values: Tensor4D;
}

/** The heads of queries, keys and values out of their common rows. */
export function splitHeads(tf: TensorFlow, shape: AttentionShape, qkv: Tensor2D): Heads {
  const { heads, kvHeads } = shape;
  return {
    queries: toHeads(tf, shape, qkv, 0, heads),
    keys: toHeads(tf, shape, qkv, heads, kvHeads),
    values: toHeads(tf, shape, qkv, heads + kvHeads, kvHeads),
  };
}

/** Some heads of [tokens, …] as [sequences, heads, tokens, headSize]. */
export function toHeads(
  tf: TensorFlow,
  { sequences, sequenceLength, headSize }: AttentionShape,
  rows: Tensor2D,
  first: number,
  count: number,
): Tensor4D {
  const columns = tf.slice(rows, [0, first * headSize], [-1, count * headSize]);
  const split: Tensor4D = tf.reshape(columns, [sequences, sequenceLength, count, headSize]);
  return tf.transpose(split, [0, 2, 1, 3]);
}

/** Back from [sequences, heads, tokens, headSize] to [tokens, heads·headSize]. */
export function joinHeads(tf: TensorFlow, heads: Tensor4D): Tensor2D {
  const [sequences, count, tokens, headSize] = heads.shape;
  return tf.reshape(tf.transpose(heads, [0, 2, 1, 3]), [sequences * tokens, count * headSize]);
}

/**
 * [sequences, heads, rows, n] as [sequences·kvHeads, group·rows, n]: the query heads that share a key/value head stand
 * below each other, and one product serves them all.
 */
export function grouped(
  tf: TensorFlow,
  { sequences, heads, kvHeads }: AttentionShape,
  rows: Tensor,
): Tensor3D {
  const [, , count = 0, size = 0] = rows.shape;
  return tf.reshape(rows, [sequences * kvHeads, (heads / kvHeads) * count, size]);
}

/** Back from `grouped`: [sequences, heads, rows, n]. */
export function ungrouped(
  tf: TensorFlow,
  { sequences, heads, kvHeads }: AttentionShape,
  rows: Tensor3D | Tensor,
): Tensor4D {
  const [, count = 0, size = 0] = rows.shape;
  return tf.reshape(rows, [sequences, heads, (count * kvHeads) / heads, size]);
}
