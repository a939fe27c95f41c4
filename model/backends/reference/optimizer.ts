/** Sum of squares in float64. */
export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return sum;
}

export interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly update: number;
  /** Factor of the gradients, from clipping. */
  readonly gradientScale: number;
  readonly weightDecay: number;
}

/** One AdamW update of one tensor, in place; see `Backend.adamw`. */
export function adamwStep(
  weight: Float32Array,
  gradient: Float32Array,
  firstMoment: Float32Array,
  secondMoment: Float32Array,
  step: AdamWStep,
): void {
  const { beta1, beta2, epsilon, gradientScale } = step;
  const keep = 1 - step.learningRate * step.weightDecay;
  const stepSize = step.learningRate / (1 - beta1 ** step.update);
  const secondCorrection = Math.sqrt(1 - beta2 ** step.update);
  for (let i = 0; i < weight.length; i++) {
    const g = gradient[i]! * gradientScale;
    const m = beta1 * firstMoment[i]! + (1 - beta1) * g;
    const v = beta2 * secondMoment[i]! + (1 - beta2) * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    weight[i] = weight[i]! * keep - (stepSize * m) / (Math.sqrt(v) / secondCorrection + epsilon);
  }
}
