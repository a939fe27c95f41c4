import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../pipeline/runtime/files.ts";
import type { TrainingConfig } from "../config.ts";
import type { EvaluationMetrics } from "./metrics.ts";

export interface Checkpoint {
  readonly path: string;
  readonly step: number;
}

/** The folder of a step's checkpoint. */
export const checkpointFolder = (step: number): string => `step-${String(step).padStart(6, "0")}`;

/** A checkpoint being written; ignored and removed when found later. */
export const partialEnding = ".partial";

/** The complete checkpoints in a folder, oldest first. */
export async function listCheckpoints(folder: string): Promise<Checkpoint[]> {
  if (!(await exists(folder))) return [];
  const names = (await readdir(folder)).filter((name) => /^step-\d{6,}$/.test(name));
  return names
    .map((name) => ({ path: join(folder, name), step: Number(name.slice("step-".length)) }))
    .sort((a, b) => a.step - b.step);
}

/** The checkpoint whose step evaluated best; among equals the earliest. */
export function bestCheckpoint(
  checkpoints: readonly Checkpoint[],
  evaluations: readonly EvaluationMetrics[],
): Checkpoint | undefined {
  const losses = new Map(evaluations.map(({ step, evaluation }) => [step, evaluation.loss]));
  const lossOf = ({ step }: Checkpoint) => losses.get(step) ?? Number.POSITIVE_INFINITY;
  const evaluated = checkpoints.filter((checkpoint) => Number.isFinite(lossOf(checkpoint)));
  return evaluated.sort((a, b) => lossOf(a) - lossOf(b) || a.step - b.step)[0];
}

/**
 * Removes what a newer checkpoint makes superfluous: unfinished ones, those an interruption wrote between two regular
 * ones, and all but the newest `keep` and the best. What remains in the end is the same whether or not the run was
 * interrupted.
 *
 * @param evaluations of the run so far
 */
export async function pruneCheckpoints(
  folder: string,
  { every, keep }: TrainingConfig["checkpoint"],
  evaluations: readonly EvaluationMetrics[],
): Promise<void> {
  const checkpoints = await listCheckpoints(folder);
  const newest = checkpoints.at(-1);
  const regular = checkpoints.filter(({ step }) => step % every === 0 || step === newest?.step);
  const best = bestCheckpoint(regular, evaluations);
  const kept = new Set([...regular.slice(-keep), ...(best === undefined ? [] : [best])]);
  for (const checkpoint of checkpoints) {
    if (!kept.has(checkpoint)) await rm(checkpoint.path, { recursive: true, force: true });
  }
  if (!(await exists(folder))) return;
  for (const name of await readdir(folder)) {
    if (name.endsWith(partialEnding)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
