import type { Backend, ComputeType } from "../../model/backend.ts";
import { planMemory } from "../../model/memory-plan.ts";
import type { TrainingShape } from "../../model/training-state.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import type { TrainingConfig } from "../config.ts";

/** What is trained on, as far as a plan asks: a backend, or a card that is not at hand. */
export type PlannedDevice = Pick<
  Backend,
  "name" | "device" | "computeTypes" | "memoryBytes" | "bufferBytes" | "workspaceBytes"
>;

/** What a config leaves to the device when it says `auto`. */
export interface MemorySettings {
  readonly recompute: Exclude<TrainingConfig["recompute"], "auto">;
  readonly moments: Exclude<TrainingConfig["optimizer"]["moments"], "auto">;
}

/**
 * Ways to save memory, in the order in which they are tried: least loss of exactness first. Recomputing gives the same
 * bits and costs time (by calculation 0, 0 and 25 % more operations); moments in bf16 are rounded.
 */
const waysToFit: readonly MemorySettings[] = (["f32", "bf16"] as const).flatMap((moments) =>
  (["none", "selective", "full"] as const).map((recompute) => ({ recompute, moments })),
);

/** The shape of a config's micro-batches on a device, with what the config leaves to it decided. */
export function trainingShape(
  config: TrainingConfig,
  device: PlannedDevice,
  otherBytes = 0,
): TrainingShape & MemorySettings {
  const base = {
    config: config.model,
    sequences: config.batch.microBatch,
    sequenceLength: config.batch.sequenceLength,
    computeType: resolvePrecision(config, device),
    documentAttention: config.data.documentAttention,
  };
  const allowed = waysToFit
    .filter(({ recompute }) => config.recompute === "auto" || recompute === config.recompute)
    .filter(({ moments }) => config.optimizer.moments === "auto" || moments === config.optimizer.moments)
    .map((way) => ({ ...base, ...way }));
  if (allowed.length === 1) return allowed[0]!;
  const fitting = allowed.find(
    (shape) => planMemory(shape, device).totalBytes + otherBytes <= device.memoryBytes,
  );
  return fitting ?? allowed.at(-1)!;
}

/**
 * A config with everything that it leaves to the device decided, as it is recorded in the run.
 *
 * @param otherBytes memory that something else than training needs on the device
 */
export function settleConfig(
  config: TrainingConfig,
  device: PlannedDevice,
  otherBytes = 0,
): TrainingConfig & { recompute: MemorySettings["recompute"] } {
  const { computeType, recompute, moments } = trainingShape(config, device, otherBytes);
  return { ...config, precision: computeType, recompute, optimizer: { ...config.optimizer, moments } };
}

/** The element type that `precision` means on a device. */
function resolvePrecision({ precision }: TrainingConfig, { name, computeTypes }: PlannedDevice): ComputeType {
  if (precision === "auto") return computeTypes.includes("bf16") ? "bf16" : "f32";
  if (!computeTypes.includes(precision)) {
    throw new UserError(
      `precision ${precision}: the ${name} backend has only ${computeTypes.join(", ")}; set precision: auto`,
    );
  }
  return precision;
}
