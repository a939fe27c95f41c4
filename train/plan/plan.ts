import type { Backend } from "../../model/backend.ts";
import { type MemoryPlan, planMemory } from "../../model/memory-plan.ts";
import { countParameters, trainingFlopsPerToken } from "../../model/parameters.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { formatBytes, formatCount, formatDuration } from "../../pipeline/runtime/sizes.ts";
import { rowsPerStep, type TrainingConfig, tokensPerStep } from "../config.ts";
import { type PlannedDevice, trainingShape } from "./fit-memory.ts";

/** What a run will take, known before it starts. */
export interface TrainingPlan {
  readonly parameters: number;
  readonly memory: MemoryPlan;
  /** Memory of samples written during training, on top of it. */
  readonly sampleBytes: number;
  readonly steps: number;
  readonly tokensPerStep: number;
  readonly flopsPerToken: number;
}

export function planTraining(
  config: TrainingConfig,
  device: PlannedDevice,
  steps: number,
  sampleBytes = 0,
): TrainingPlan {
  return {
    parameters: countParameters(config.model),
    memory: planMemory(trainingShape(config, device, sampleBytes), device),
    sampleBytes,
    steps,
    tokensPerStep: tokensPerStep(config),
    flopsPerToken: trainingFlopsPerToken(config.model, config.batch.sequenceLength),
  };
}

export const plannedTokens = ({ steps, tokensPerStep: tokens }: TrainingPlan): number => steps * tokens;

/** The plan as a table. */
export function formatPlan(plan: TrainingPlan, config: TrainingConfig, device: PlannedDevice): string {
  const { memory, sampleBytes } = plan;
  const shape = trainingShape(config, device, sampleBytes);
  const tokens = plannedTokens(plan);
  const uses = [...memory.byKind, ...(sampleBytes > 0 ? [["samples", sampleBytes] as const] : [])];
  const width = Math.max(...uses.map(([kind]) => kind.length), "available".length);
  const line = (name: string, bytes: number) => `  ${name.padEnd(width)}  ${formatBytes(bytes).padStart(8)}`;
  return [
    `device      ${device.name} (${device.device}), ${shape.computeType}, recompute ${shape.recompute}, moments in ${shape.moments}`,
    `parameters  ${plan.parameters.toLocaleString("en")}`,
    `step        ${rowsPerStep(config)} rows of ${config.batch.sequenceLength} = ${plan.tokensPerStep.toLocaleString("en")} tokens`,
    `run         ${plan.steps.toLocaleString("en")} steps, ${formatCount(tokens)} tokens, ${(tokens * plan.flopsPerToken).toExponential(2)} FLOP (${formatCount(plan.flopsPerToken)} a token, 6 N + 12 L·d·T)`,
    `memory, ${memory.buffers} buffers:`,
    ...uses.map(([kind, bytes]) => line(kind, bytes)),
    line("total", memory.totalBytes + sampleBytes),
    line("available", device.memoryBytes),
  ].join("\n");
}

/** How long a run takes at a given speed, as a line of the plan. */
export function formatTime(plan: TrainingPlan, tokensPerSecond: number): string {
  const seconds = plannedTokens(plan) / tokensPerSecond;
  return `time        ${formatDuration(seconds)} at ${Math.round(tokensPerSecond).toLocaleString("en")} tokens/s (calculated)`;
}

/** Refuses a run that cannot fit, before anything is allocated. */
export function checkMemory({ memory, sampleBytes }: TrainingPlan, backend: Backend): void {
  const needed = memory.totalBytes + sampleBytes;
  if (needed <= backend.memoryBytes) return;
  throw new UserError(
    `training needs ${formatBytes(needed)}, the ${backend.name} backend has ${formatBytes(backend.memoryBytes)}; set recompute and optimizer.moments to auto, lower batch.microBatch or choose a smaller model`,
  );
}

/**
 * FLOP/s of the reference backend, for a guess at how long it takes: its matrix products run at 2 to 3.5 GFLOP/s on one
 * core of a current server, its attention slower.
 */
const referenceFlops = 2e9;

/** Longer runs on the reference backend are refused unless it was asked for by name. */
const patienceSeconds = 24 * 3600;

/**
 * Refuses to begin in plain TypeScript what would take days: nobody who did not name the reference backend wants that.
 *
 * @param reasons why each better backend cannot run here
 */
export function checkPatience(
  plan: TrainingPlan,
  backend: Backend,
  chosen: string,
  reasons: readonly string[],
): void {
  const seconds = (plannedTokens(plan) * plan.flopsPerToken) / referenceFlops;
  if (chosen !== "auto" || backend.name !== "reference" || seconds < patienceSeconds) return;
  throw new UserError(
    `only the reference backend can run here (${reasons.join("; ")}), and it would take about ${formatDuration(seconds)}; mend one of these, choose a smaller model, or insist with --backend reference`,
  );
}
