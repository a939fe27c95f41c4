import { fromBits, roundingNoise, roundStochastically } from "../../stochastic-rounding.ts";

/** Float32 values, or bf16 bits. */
export type Moments = Float32Array | Uint16Array;

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
  /** Of the noise that rounds moments in bf16. */
  readonly roundingSeed: number;
}

/** One AdamW update of one tensor, in place; see `Backend.adamw`. */
export function adamwStep(
  weight: Float32Array,
  gradient: Float32Array,
  firstMoment: Moments,
  secondMoment: Moments,
  step: AdamWStep,
): void {
  const { beta1, beta2, epsilon, gradientScale } = step;
  const keep = 1 - step.learningRate * step.weightDecay;
  const stepSize = step.learningRate / (1 - beta1 ** step.update);
  const secondCorrection = Math.sqrt(1 - beta2 ** step.update);
  for (let i = 0; i < weight.length; i++) {
    const g = gradient[i]! * gradientScale;
    const m = beta1 * momentAt(firstMoment, i) + (1 - beta1) * g;
    const v = beta2 * momentAt(secondMoment, i) + (1 - beta2) * g * g;
    if (firstMoment instanceof Uint16Array) {
      const noise = roundingNoise(step.roundingSeed, i);
      firstMoment[i] = roundStochastically(m, noise & 0xffff);
      secondMoment[i] = roundStochastically(v, noise >>> 16);
    } else {
      firstMoment[i] = m;
      secondMoment[i] = v;
    }
    weight[i] = weight[i]! * keep - (stepSize * m) / (Math.sqrt(v) / secondCorrection + epsilon);
  }
}

const momentAt = (moments: Moments, i: number): number =>
  moments instanceof Uint16Array ? fromBits(moments[i]!) : moments[i]!;
