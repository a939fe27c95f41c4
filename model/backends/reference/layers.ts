/** RMSNorm, rotary positions, SwiGLU and embedding in plain loops; see `Backend` for what each computes. */

export function rmsNorm(
  x: Float32Array,
  gain: Float32Array,
  epsilon: number,
  out: Float32Array,
  scale: Float32Array,
): void {
  const features = gain.length;
  for (let row = 0; row < scale.length; row++) {
    const start = row * features;
    let squares = 0;
    for (let i = 0; i < features; i++) squares += x[start + i]! ** 2;
    const factor = 1 / Math.sqrt(squares / features + epsilon);
    scale[row] = factor;
    for (let i = 0; i < features; i++) out[start + i] = x[start + i]! * factor * gain[i]!;
  }
}

/**
 * With s = 1/√(mean(x²) + ε) and g = gain ∘ dOut: dX = s·g − x · s³ · mean(x ∘ g); dGain = Σ rows of dOut ∘ x·s.
 */
export function rmsNormBackward(
  x: Float32Array,
  gain: Float32Array,
  scale: Float32Array,
  dOut: Float32Array,
  dX: Float32Array,
  dGain: Float32Array,
): void {
  const features = gain.length;
  const gainSums = Float64Array.from(dGain);
  for (let row = 0; row < scale.length; row++) {
    const start = row * features;
    const factor = scale[row]!;
    let dot = 0;
    for (let i = 0; i < features; i++) {
      const product = x[start + i]! * dOut[start + i]!;
      dot += product * gain[i]!;
      gainSums[i]! += product * factor;
    }
    const pull = (factor ** 3 * dot) / features;
    for (let i = 0; i < features; i++) {
      dX[start + i]! += factor * gain[i]! * dOut[start + i]! - pull * x[start + i]!;
    }
  }
  dGain.set(gainSums);
}

/** Rotates pairs (i, i + headSize/2) by the table's angles, or back when `direction` is −1. */
export function rope(
  x: Float32Array,
  columns: number,
  heads: number,
  headSize: number,
  positions: Int32Array,
  table: Float32Array,
  direction: 1 | -1,
): void {
  const half = headSize / 2;
  for (let row = 0; row < positions.length; row++) {
    const angles = positions[row]! * headSize;
    for (let head = 0; head < heads; head++) {
      const start = row * columns + head * headSize;
      for (let i = 0; i < half; i++) {
        const cosine = table[angles + i]!;
        const sine = direction * table[angles + half + i]!;
        const first = x[start + i]!;
        const second = x[start + half + i]!;
        x[start + i] = first * cosine - second * sine;
        x[start + half + i] = second * cosine + first * sine;
      }
    }
  }
}

export function swiglu(gateUp: Float32Array, out: Float32Array, features: number): void {
  for (let at = 0, gates = 0; at < out.length; at += features, gates += 2 * features) {
    for (let i = 0; i < features; i++) {
      const gate = gateUp[gates + i]!;
      out[at + i] = (gate / (1 + Math.exp(-gate))) * gateUp[gates + features + i]!;
    }
  }
}

/** silu(g) = g·σ(g), so d silu/dg = σ(g)·(1 + g·(1 − σ(g))). */
export function swigluBackward(
  gateUp: Float32Array,
  dOut: Float32Array,
  dGateUp: Float32Array,
  features: number,
): void {
  for (let at = 0, gates = 0; at < dOut.length; at += features, gates += 2 * features) {
    for (let i = 0; i < features; i++) {
      const gate = gateUp[gates + i]!;
      const gradient = dOut[at + i]!;
      const sigmoid = 1 / (1 + Math.exp(-gate));
      dGateUp[gates + i] = gradient * gateUp[gates + features + i]! * sigmoid * (1 + gate * (1 - sigmoid));
      dGateUp[gates + features + i] = gradient * gate * sigmoid;
    }
  }
}

export function embedding(ids: Int32Array, weight: Float32Array, out: Float32Array, features: number): void {
  for (let row = 0; row < ids.length; row++) {
    const from = ids[row]! * features;
    out.set(weight.subarray(from, from + features), row * features);
  }
}

export function embeddingBackward(
  ids: Int32Array,
  dOut: Float32Array,
  dWeight: Float32Array,
  features: number,
): void {
  for (let row = 0; row < ids.length; row++) {
    const to = ids[row]! * features;
    for (let i = 0; i < features; i++) dWeight[to + i]! += dOut[row * features + i]!;
  }
}
