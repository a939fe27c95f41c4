import { sparkline } from "./sparkline.ts";

/** Bars of the loss curve in the live line. */
const curveWidth = 12;

/** What the live display says beside tokens, speed and time left: the step, and where the loss comes from. */
export function describeStep(
  { step, loss, learningRate, gradientNorm }: StepFigures,
  steps: number,
  losses: readonly number[],
): string {
  // A narrow terminal cuts the line off: what one looks at most comes first.
  const parts = [
    `loss ${loss.toFixed(3)} ${sparkline(losses, curveWidth)}`,
    `step ${step} of ${steps}`,
    `lr ${learningRate.toExponential(1)}`,
    `|g| ${gradientNorm.toFixed(2)}`,
  ];
  return parts.join(", ");
}

interface StepFigures {
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
}
