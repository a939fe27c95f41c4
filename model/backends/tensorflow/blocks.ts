import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { AttentionShape } from "../../backend.ts";
import type { TensorFlow } from "./library.ts";

/** Rows of queries whose scores are stored at once, and the keys that the last of them may see. */
export interface Block {
  readonly from: number;
  readonly rows: number;
  readonly keys: number;
}

/**
 * All query rows in blocks whose scores take at most `blockBytes`.
 *
 * @param causal each row sees the keys up to its own
 */
export function blocksOf(shape: AttentionShape, blockBytes: number, keys: number, causal: boolean): Block[] {
  const { sequences, heads, sequenceLength } = shape;
  const most = Math.max(1, Math.floor(blockBytes / (4 * sequences * heads * keys)));
  const blocks: Block[] = [];
  for (let from = 0; from < sequenceLength; from += most) {
    const rows = Math.min(most, sequenceLength - from);
    blocks.push({ from, rows, keys: causal ? from + rows : keys });
  }
  return blocks;
}

/** The rows of a block out of [sequences, heads, tokens, n]. */
export function blockRows(
  tf: TensorFlow,
  shape: AttentionShape,
  rows: Tensor4D,
  { from, rows: count }: Block,
): Tensor4D {
  return tf.slice(rows, [0, 0, from, 0], [shape.sequences, shape.heads, count, rows.shape[3]]);
}

/** The keys or values that a block sees: [sequences·kvHeads, keys, headSize]. */
export function firstKeys(tf: TensorFlow, shape: AttentionShape, heads: Tensor4D, { keys }: Block): Tensor3D {
  const { sequences, kvHeads, headSize } = shape;
  const seen = tf.slice(heads, [0, 0, 0, 0], [sequences, kvHeads, keys, headSize]);
  return tf.reshape(seen, [sequences * kvHeads, keys, headSize]);
}

/** Gradients of the first keys as those of all: zero for the others. */
export function allKeys(
  tf: TensorFlow,
  { sequenceLength }: AttentionShape,
  gradient: Tensor3D | Tensor,
): Tensor3D {
  const keys = gradient.shape[1] ?? 0;
  return tf.pad(gradient as Tensor3D, [
    [0, 0],
    [0, sequenceLength - keys],
    [0, 0],
  ]);
}
