import type { Backend } from "../model/backend.ts";
import { type MemoryPlan, planMemory } from "../model/memory-plan.ts";
import { countParameters, trainingFlopsPerToken } from "../model/parameters.ts";
import type { TrainingShape } from "../model/training-state.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { formatBytes, formatCount } from "../pipeline/runtime/sizes.ts";
import { rowsPerStep, type TrainingConfig, tokensPerStep } from "./config.ts";

/** What a run will take, known before it starts. */
export interface TrainingPlan {
  readonly parameters: number;
  readonly memory: MemoryPlan;
  readonly steps: number;
  readonly tokensPerStep: number;
  readonly flopsPerToken: number;
}

/** The shape of a config's micro-batches on a backend. */
export function trainingShape(config: TrainingConfig, backend: Backend): TrainingShape {
  return {
    config: config.model,
    sequences: config.batch.microBatch,
    sequenceLength: config.batch.sequenceLength,
    computeType: resolvePrecision(config, backend),
    recompute: config.recompute,
    documentAttention: false,
  };
}

/** The element type that `precision` means on a backend. */
function resolvePrecision({ precision }: TrainingConfig, backend: Backend): "f32" | "bf16" {
  if (precision === "auto") return backend.computeTypes.includes("bf16") ? "bf16" : "f32";
  if (!backend.computeTypes.includes(precision)) {
    throw new UserError(
      `precision ${precision}: the ${backend.name} backend has only ${backend.computeTypes.join(", ")}; set precision: auto`,
    );
  }
  return precision;
}

export function planTraining(config: TrainingConfig, backend: Backend, steps: number): TrainingPlan {
  return {
    parameters: countParameters(config.model),
    memory: planMemory(trainingShape(config, backend), (shape) => backend.workspaceBytes(shape)),
    steps,
    tokensPerStep: tokensPerStep(config),
    flopsPerToken: trainingFlopsPerToken(config.model, config.batch.sequenceLength),
  };
}

/** The plan as a table. */
export function formatPlan(plan: TrainingPlan, config: TrainingConfig, backend: Backend): string {
  const { memory } = plan;
  const tokens = plan.steps * plan.tokensPerStep;
  const width = Math.max(...[...memory.byKind.keys()].map((kind) => kind.length), "total".length);
  const line = (name: string, bytes: number) => `  ${name.padEnd(width)}  ${formatBytes(bytes).padStart(8)}`;
  return [
    `backend     ${backend.name} (${backend.device})`,
    `parameters  ${plan.parameters.toLocaleString("en")}`,
    `step        ${rowsPerStep(config)} rows of ${config.batch.sequenceLength} = ${plan.tokensPerStep.toLocaleString("en")} tokens`,
    `run         ${plan.steps.toLocaleString("en")} steps, ${formatCount(tokens)} tokens, ${(tokens * plan.flopsPerToken).toExponential(2)} FLOP (${formatCount(plan.flopsPerToken)} a token)`,
    `memory, ${memory.buffers} buffers:`,
    ...[...memory.byKind].map(([kind, bytes]) => line(kind, bytes)),
    line("total", memory.totalBytes),
  ].join("\n");
}

/** Refuses a run that cannot fit, before anything is allocated. */
export function checkMemory(plan: TrainingPlan, backend: Backend): void {
  const needed = plan.memory.totalBytes;
  if (needed <= backend.memoryBytes) return;
  const parts = [...plan.memory.byKind].map(([kind, bytes]) => `${kind} ${formatBytes(bytes)}`).join(", ");
  throw new UserError(
    `training needs ${formatBytes(needed)} (${parts}), the ${backend.name} backend has ${formatBytes(backend.memoryBytes)}; set recompute: full, lower batch.microBatch or choose a smaller model`,
  );
}
