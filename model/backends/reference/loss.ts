/**
 * Softmax cross-entropy; see `Backend.crossEntropy`. A target counts as predicted when no other token has a larger
 * logit and none with a smaller id has an equal one.
 */
export function crossEntropy(
  logits: Float32Array,
  targets: Int32Array,
  sums: Float32Array,
  gradientScale: number | undefined,
): void {
  const vocabulary = logits.length / targets.length;
  let loss = 0;
  let correct = 0;
  let counted = 0;
  for (let row = 0; row < targets.length; row++) {
    const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    const target = targets[row]!;
    if (target < 0) {
      if (gradientScale !== undefined) values.fill(0);
      continue;
    }
    const best = indexOfLargest(values);
    const largest = values[best]!;
    let sum = 0;
    for (let i = 0; i < vocabulary; i++) sum += Math.exp(values[i]! - largest);
    loss += Math.log(sum) + largest - values[target]!;
    if (best === target) correct += 1;
    counted += 1;
    if (gradientScale === undefined) continue;
    const factor = gradientScale / sum;
    for (let i = 0; i < vocabulary; i++) {
      // The target's probability and its one-hot are subtracted in float64: near 1 their difference is all that counts.
      const probability = Math.exp(values[i]! - largest) * factor;
      values[i] = i === target ? probability - gradientScale : probability;
    }
  }
  sums[0]! += loss;
  sums[1]! += correct;
  sums[2]! += counted;
}

function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
