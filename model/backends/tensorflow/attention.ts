import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { AttentionShape } from "../../backend.ts";
import { allKeys, type Block, blockRows, blocksOf, firstKeys } from "./blocks.ts";
import { checkIndices } from "./buffer.ts";
import { grouped, type Heads, joinHeads, splitHeads, toHeads, ungrouped } from "./heads.ts";
import type { TensorFlow } from "./library.ts";

/** Added to the scores of hidden keys. Finite, since −∞ − −∞ would not be a number; e to the power of it is 0. */
const hiddenScore = -1e30;

/** What the queries see, by position in their sequence: the keys from `starts` to `positions`. */
interface Sight {
  /** [sequences, queries], or [1, queries] if all sequences are alike. */
  readonly positions: Tensor2D;
  readonly starts: Tensor2D | undefined;
}

/**
 * Bytes that attention takes besides its buffers: six matrices of a block in the backward pass (scores with and without
 * hidden keys, weights, their gradient before and after it is centred, that of the scores), and six times the size of
 * qkv (its heads apart from each other, their gradients, sums of these, and all again while they are put together).
 */
export function attentionBytes(shape: AttentionShape, blockBytes: number): number {
  const { sequences, sequenceLength, heads, kvHeads, headSize } = shape;
  const scores = 4 * sequences * heads * sequenceLength;
  const qkv = 4 * sequences * sequenceLength * (heads + 2 * kvHeads) * headSize;
  return 6 * Math.min(Math.max(scores, blockBytes), scores * sequenceLength) + 6 * qkv;
}

/** See `Backend.attention`. */
export function attention(
  tf: TensorFlow,
  shape: AttentionShape,
  blockBytes: number,
  qkv: Tensor2D,
  documentStarts: Int32Array | undefined,
): { out: Tensor2D; logSumExp: Tensor2D } {
  const heads = splitHeads(tf, shape, qkv);
  const sight = causalSight(tf, shape, documentStarts);
  const parts = blocksOf(shape, blockBytes, shape.sequenceLength, true).map((block) =>
    tf.tidy(() => attendBlock(tf, shape, heads, sight, block)),
  );
  const logSumExp = tf.concat(
    parts.map((part) => part.logSumExp),
    2,
  );
  return {
    out: joinHeads(tf, concatRows(tf, parts)),
    logSumExp: tf.reshape(tf.transpose(logSumExp, [0, 2, 1, 3]), [-1, shape.heads]),
  };
}

const concatRows = (tf: TensorFlow, parts: readonly { readonly out: Tensor4D }[]): Tensor4D =>
  tf.concat(
    parts.map(({ out }) => out),
    2,
  );

function attendBlock(tf: TensorFlow, shape: AttentionShape, heads: Heads, sight: Sight, block: Block) {
  const scores = blockScores(tf, shape, heads, sight, block);
  const largest = tf.max(scores, 3, true);
  const powers = tf.exp(tf.sub(scores, largest));
  const sum = tf.sum(powers, 3, true);
  const weighted = tf.matMul(grouped(tf, shape, powers), firstKeys(tf, shape, heads.values, block));
  const out: Tensor4D = tf.div(ungrouped(tf, shape, weighted), sum);
  const logSumExp: Tensor4D = tf.add(largest, tf.log(sum));
  return { out, logSumExp };
}

/** Scaled scores of a block, [sequences, heads, rows, keys], hidden keys far below all others. */
function blockScores(
  tf: TensorFlow,
  shape: AttentionShape,
  heads: Heads,
  sight: Sight,
  block: Block,
): Tensor4D {
  const queries = tf.mul(blockRows(tf, shape, heads.queries, block), 1 / Math.sqrt(shape.headSize));
  const products = tf.matMul(
    grouped(tf, shape, queries),
    firstKeys(tf, shape, heads.keys, block),
    false,
    true,
  );
  return tf.add(ungrouped(tf, shape, products), hiddenKeys(tf, sight, block));
}

/** [sequences or 1, 1, rows, keys]: 0 where a query sees a key. */
function hiddenKeys(tf: TensorFlow, { positions, starts }: Sight, { from, rows, keys }: Block): Tensor4D {
  const column = (values: Tensor2D) =>
    tf.reshape(tf.slice(values, [0, from], [-1, rows]), [values.shape[0], 1, rows, 1]);
  const index = tf.reshape(tf.range(0, keys, 1, "int32"), [1, 1, 1, keys]);
  const later = tf.greater(index, column(positions));
  const hidden = starts === undefined ? later : tf.logicalOr(later, tf.less(index, column(starts)));
  return tf.mul(tf.cast(hidden, "float32"), hiddenScore);
}

/**
 * See `Backend.attentionBackward`. With P the softmax weights and D = rowsum(dOut ∘ out):
 * dV = Pᵀ·dOut, dS = P ∘ (dOut·Vᵀ − D), dQ = dS·K/√d, dK = dSᵀ·Q/√d (Dao 2023, algorithm 2). P comes back from the
 * scores and their log-sum-exp.
 */
export function attentionBackward(
  tf: TensorFlow,
  shape: AttentionShape,
  blockBytes: number,
  forward: { qkv: Tensor2D; documentStarts: Int32Array | undefined; out: Tensor2D; logSumExp: Tensor2D },
  dOut: Tensor2D,
): { dQkv: Tensor2D; rowSums: Tensor2D } {
  const { sequences, sequenceLength, heads: queryHeads, headSize } = shape;
  const heads = splitHeads(tf, shape, forward.qkv);
  const sight = causalSight(tf, shape, forward.documentStarts);
  const dOutHeads = toHeads(tf, shape, dOut, 0, queryHeads);
  const products: Tensor3D = tf.reshape(tf.mul(dOut, forward.out), [-1, queryHeads, headSize]);
  const rowSums: Tensor2D = tf.sum(products, 2);
  /** [tokens, heads] as [sequences, heads, tokens, 1]. */
  const perRow = (values: Tensor2D): Tensor4D =>
    tf.transpose(tf.reshape(values, [sequences, sequenceLength, queryHeads, 1]), [0, 2, 1, 3]);
  const rows = { dOut: dOutHeads, logSumExp: perRow(forward.logSumExp), rowSums: perRow(rowSums) };

  const dQueries: Tensor4D[] = [];
  let dKeys: Tensor3D | undefined;
  let dValues: Tensor3D | undefined;
  for (const block of blocksOf(shape, blockBytes, sequenceLength, true)) {
    const part = tf.tidy(() => blockBackward(tf, shape, heads, sight, block, rows));
    dQueries.push(part.dQueries);
    dKeys = replaceSum(tf, dKeys, part.dKeys);
    dValues = replaceSum(tf, dValues, part.dValues);
  }
  const toKvHeads = (values: Tensor3D | undefined): Tensor4D => {
    if (values === undefined) throw new Error("attention over no token");
    return tf.reshape(values, [sequences, shape.kvHeads, sequenceLength, headSize]);
  };
  const all = [tf.concat(dQueries, 2), toKvHeads(dKeys), toKvHeads(dValues)];
  return {
    dQkv: tf.concat(
      all.map((part) => joinHeads(tf, part)),
      1,
    ),
    rowSums,
  };
}

function blockBackward(
  tf: TensorFlow,
  shape: AttentionShape,
  heads: Heads,
  sight: Sight,
  block: Block,
  rows: { readonly dOut: Tensor4D; readonly logSumExp: Tensor4D; readonly rowSums: Tensor4D },
) {
  const scale = 1 / Math.sqrt(shape.headSize);
  const dOut = grouped(tf, shape, blockRows(tf, shape, rows.dOut, block));
  const keys = firstKeys(tf, shape, heads.keys, block);
  const values = firstKeys(tf, shape, heads.values, block);
  const weights = tf.tidy(() => {
    const scores = blockScores(tf, shape, heads, sight, block);
    return tf.exp(tf.sub(scores, blockRows(tf, shape, rows.logSumExp, block)));
  });
  const dScores = tf.tidy(() => {
    const dWeights = ungrouped(tf, shape, tf.matMul(dOut, values, false, true));
    const centred = tf.sub(dWeights, blockRows(tf, shape, rows.rowSums, block));
    return grouped(tf, shape, tf.mul(weights, centred));
  });
  const queries = grouped(tf, shape, blockRows(tf, shape, heads.queries, block));
  return {
    dQueries: ungrouped(tf, shape, tf.mul(tf.matMul(dScores, keys), scale)),
    dKeys: allKeys(tf, shape, tf.mul(tf.matMul(dScores, queries, true), scale)),
    dValues: allKeys(tf, shape, tf.matMul(grouped(tf, shape, weights), dOut, true)),
  };
}

/** The sum of both, whose memory it gives back. */
function replaceSum(tf: TensorFlow, sum: Tensor3D | undefined, more: Tensor3D): Tensor3D {
  if (sum === undefined) return more;
  const result: Tensor3D = tf.add(sum, more);
  tf.dispose([sum, more]);
  return result;
}

/** See `Backend.cachedAttention`. */
export function cachedAttention(
  tf: TensorFlow,
  shape: AttentionShape,
  blockBytes: number,
  capacity: number,
  positions: Int32Array,
  qkv: Tensor2D,
  cache: Tensor2D,
): { out: Tensor2D; cache: Tensor2D } {
  const { sequences, sequenceLength, heads, kvHeads, headSize } = shape;
  checkIndices("position", positions, capacity);
  const places = Array.from(
    positions,
    (position, row) => Math.floor(row / sequenceLength) * capacity + position,
  );
  const fresh = tf.slice(qkv, [0, heads * headSize], [-1, 2 * kvHeads * headSize]);
  const filled = tf.tensorScatterUpdate(
    cache,
    tf.tensor2d(places, [places.length, 1], "int32"),
    fresh,
  ) as Tensor2D;
  const keys = positions.reduce((last, position) => Math.max(last, position), 0) + 1;
  const cached = { ...shape, sequenceLength: capacity };
  const seen = (first: number) =>
    tf.slice(toHeads(tf, cached, filled, first, kvHeads), [0, 0, 0, 0], [-1, -1, keys, -1]);
  const parts = blocksOf(shape, blockBytes, keys, false).map((block) =>
    tf.tidy(() =>
      attendBlock(
        tf,
        shape,
        { queries: toHeads(tf, shape, qkv, 0, heads), keys: seen(0), values: seen(kvHeads) },
        { positions: tf.tensor2d(positions, [sequences, sequenceLength], "int32"), starts: undefined },
        block,
      ),
    ),
  );
  return { out: joinHeads(tf, concatRows(tf, parts)), cache: filled };
}

function causalSight(
  tf: TensorFlow,
  { sequences, sequenceLength }: AttentionShape,
  documentStarts: Int32Array | undefined,
): Sight {
  const positions: Tensor2D = tf.reshape(tf.range(0, sequenceLength, 1, "int32"), [1, sequenceLength]);
  if (documentStarts === undefined) return { positions, starts: undefined };
  return { positions, starts: tf.tensor2d(documentStarts, [sequences, sequenceLength], "int32") };
}
