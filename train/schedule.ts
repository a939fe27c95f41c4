export interface ScheduleSettings {
  /** Highest learning rate, reached at the end of the warm-up. */
  readonly learningRate: number;
  /** Learning rate of the last step. */
  readonly minLearningRate: number;
  readonly warmupSteps: number;
  /** Steps of the whole schedule, whether or not a run takes them all. */
  readonly steps: number;
}

/**
 * Learning rate of a step, counted from 0: a linear warm-up whose first step is already above zero (a rate of 0 would
 * waste it), then half a cosine from the highest rate to the lowest, which the last step has.
 */
export function learningRateAt(
  step: number,
  { learningRate, minLearningRate, warmupSteps, steps }: ScheduleSettings,
): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / (warmupSteps + 1);
  const decaySteps = steps - 1 - warmupSteps;
  const progress = decaySteps <= 0 ? 1 : Math.min(1, (step - warmupSteps) / decaySteps);
  return minLearningRate + (learningRate - minLearningRate) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
