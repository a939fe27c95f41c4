import type { AttentionShape } from "../../backend.ts";

interface Forward {
  readonly shape: AttentionShape;
  readonly qkv: Float32Array;
  readonly documentStarts: Int32Array | undefined;
  readonly out: Float32Array;
  readonly logSumExp: Float32Array;
}

/** See `Backend.attention`. One query at a time: its scores, their softmax, the weighted sum of values. */
export function attention({ shape, qkv, documentStarts, out, logSumExp }: Forward): void {
  const { sequences, sequenceLength, heads, kvHeads, headSize } = shape;
  const width = (heads + 2 * kvHeads) * headSize;
  const weights = new Float64Array(sequenceLength);
  for (let sequence = 0; sequence < sequences; sequence++) {
    const base = sequence * sequenceLength;
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const keys = { data: qkv, start: base * width + (heads + kvHead) * headSize, stride: width };
      const values = { ...keys, start: keys.start + kvHeads * headSize };
      for (let position = 0; position < sequenceLength; position++) {
        const row = base + position;
        const first = documentStarts?.[row] ?? 0;
        const query = row * width + head * headSize;
        const lse = softmaxScores(qkv, query, keys, first, position, headSize, weights);
        weightedSum(weights, values, first, position, headSize, out, (row * heads + head) * headSize);
        logSumExp[row * heads + head] = lse;
      }
    }
  }
}

/** Vectors at `start`, `start + stride`, …: the keys or values of one head. */
interface Vectors {
  readonly data: Float32Array;
  readonly start: number;
  readonly stride: number;
}

/** Fills `weights[first…last]` with the softmax of the query's scaled scores; returns their log-sum-exp. */
function softmaxScores(
  queries: Float32Array,
  query: number,
  keys: Vectors,
  first: number,
  last: number,
  headSize: number,
  weights: Float64Array,
): number {
  const scale = 1 / Math.sqrt(headSize);
  let largest = Number.NEGATIVE_INFINITY;
  for (let key = first; key <= last; key++) {
    const at = keys.start + key * keys.stride;
    let dot = 0;
    for (let i = 0; i < headSize; i++) dot += queries[query + i]! * keys.data[at + i]!;
    const score = dot * scale;
    weights[key] = score;
    if (score > largest) largest = score;
  }
  let sum = 0;
  for (let key = first; key <= last; key++) {
    const weight = Math.exp(weights[key]! - largest);
    weights[key] = weight;
    sum += weight;
  }
  for (let key = first; key <= last; key++) weights[key]! /= sum;
  return largest + Math.log(sum);
}

function weightedSum(
  weights: Float64Array,
  values: Vectors,
  first: number,
  last: number,
  headSize: number,
  out: Float32Array,
  offset: number,
): void {
  const sums = new Float64Array(headSize);
  for (let key = first; key <= last; key++) {
    const weight = weights[key]!;
    const at = values.start + key * values.stride;
    for (let i = 0; i < headSize; i++) sums[i]! += weight * values.data[at + i]!;
  }
  out.set(sums, offset);
}

interface Backward extends Forward {
  readonly dOut: Float32Array;
  readonly dQkv: Float32Array;
  readonly rowSums: Float32Array;
}

/**
 * See `Backend.attentionBackward`. With P the softmax weights and D = rowsum(dOut ∘ out):
 * dV = Pᵀ·dOut, dS = P ∘ (dOut·Vᵀ − D), dQ = dS·K/√d, dK = dSᵀ·Q/√d (Dao 2023, algorithm 2). P comes back from the
 * scores and their log-sum-exp.
 */
export function attentionBackward(args: Backward): void {
  const { shape, out, dOut, rowSums } = args;
  const { sequences, sequenceLength, heads, headSize } = shape;
  for (let index = 0; index < sequences * sequenceLength * heads; index++) {
    let sum = 0;
    for (let i = index * headSize; i < (index + 1) * headSize; i++) sum += dOut[i]! * out[i]!;
    rowSums[index] = sum;
  }
  // Gradients of one head's keys and values are summed here in float64 over all queries that see them.
  const dKeys = new Float64Array(sequenceLength * headSize);
  const dValues = new Float64Array(sequenceLength * headSize);
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let kvHead = 0; kvHead < shape.kvHeads; kvHead++) {
      dKeys.fill(0);
      dValues.fill(0);
      const group = heads / shape.kvHeads;
      for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
        for (let position = 0; position < sequenceLength; position++) {
          queryBackward(args, sequence, head, kvHead, position, dKeys, dValues);
        }
      }
      storeKeyValueGradients(args, sequence, kvHead, dKeys, dValues);
    }
  }
}

function queryBackward(
  { shape, qkv, documentStarts, logSumExp, dOut, dQkv, rowSums }: Backward,
  sequence: number,
  head: number,
  kvHead: number,
  position: number,
  dKeys: Float64Array,
  dValues: Float64Array,
): void {
  const { sequenceLength, heads, kvHeads, headSize } = shape;
  const width = (heads + 2 * kvHeads) * headSize;
  const scale = 1 / Math.sqrt(headSize);
  const base = sequence * sequenceLength;
  const row = base + position;
  const query = row * width + head * headSize;
  const gradient = (row * heads + head) * headSize;
  const lse = logSumExp[row * heads + head]!;
  const rowSum = rowSums[row * heads + head]!;
  const dQuery = new Float64Array(headSize);
  for (let key = documentStarts?.[row] ?? 0; key <= position; key++) {
    const keyAt = (base + key) * width + (heads + kvHead) * headSize;
    const valueAt = keyAt + kvHeads * headSize;
    let dot = 0;
    let dWeight = 0;
    for (let i = 0; i < headSize; i++) {
      dot += qkv[query + i]! * qkv[keyAt + i]!;
      dWeight += dOut[gradient + i]! * qkv[valueAt + i]!;
    }
    const weight = Math.exp(dot * scale - lse);
    const dScore = weight * (dWeight - rowSum) * scale;
    const sumAt = key * headSize;
    for (let i = 0; i < headSize; i++) {
      dQuery[i]! += dScore * qkv[keyAt + i]!;
      dKeys[sumAt + i]! += dScore * qkv[query + i]!;
      dValues[sumAt + i]! += weight * dOut[gradient + i]!;
    }
  }
  dQkv.set(dQuery, query);
}

function storeKeyValueGradients(
  { shape, dQkv }: Backward,
  sequence: number,
  kvHead: number,
  dKeys: Float64Array,
  dValues: Float64Array,
): void {
  const { sequenceLength, heads, kvHeads, headSize } = shape;
  const width = (heads + 2 * kvHeads) * headSize;
  for (let position = 0; position < sequenceLength; position++) {
    const at = (sequence * sequenceLength + position) * width + (heads + kvHead) * headSize;
    const [from, to] = [position * headSize, (position + 1) * headSize];
    dQkv.set(dKeys.subarray(from, to), at);
    dQkv.set(dValues.subarray(from, to), at + kvHeads * headSize);
  }
}

/** See `Backend.cachedAttention`. */
export function cachedAttention(args: {
  shape: AttentionShape;
  capacity: number;
  positions: Int32Array;
  qkv: Float32Array;
  cache: Float32Array;
  out: Float32Array;
}): void {
  const { shape, capacity, positions, qkv, cache, out } = args;
  const { sequences, sequenceLength, heads, kvHeads, headSize } = shape;
  const kvWidth = 2 * kvHeads * headSize;
  const width = heads * headSize + kvWidth;
  const weights = new Float64Array(capacity);
  for (let row = 0; row < sequences * sequenceLength; row++) {
    const cacheStart = Math.floor(row / sequenceLength) * capacity * kvWidth;
    const position = positions[row]!;
    const keysAndValues = qkv.subarray(row * width + heads * headSize, (row + 1) * width);
    cache.set(keysAndValues, cacheStart + position * kvWidth);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const keys = { data: cache, start: cacheStart + kvHead * headSize, stride: kvWidth };
      const values = { ...keys, start: keys.start + kvHeads * headSize };
      softmaxScores(qkv, row * width + head * headSize, keys, 0, position, headSize, weights);
      weightedSum(weights, values, 0, position, headSize, out, (row * heads + head) * headSize);
    }
  }
}
