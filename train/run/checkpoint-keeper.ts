import type { TrainingModel } from "../../model/llama.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { isCode } from "../../pipeline/runtime/files.ts";
import type { TrainingConfig } from "../config.ts";
import { checkpointBytes, type RunIdentity, type RunState, saveCheckpoint } from "./checkpoint.ts";
import { pruneCheckpoints } from "./checkpoint-list.ts";
import type { EvaluationMetrics } from "./metrics.ts";

/** Writes a run's checkpoints, one at a time, while training goes on, and removes those no longer needed. */
export interface CheckpointKeeper {
  /** Begins a checkpoint of the model as it is now; waits only for the one before, and for copies if memory is short. */
  begin(state: RunState): Promise<void>;
  /** Waits for the checkpoint being written, writes one of this state and fails if that is impossible. */
  finish(state: RunState): Promise<void>;
  /** Waits for the checkpoint being written. */
  settle(): Promise<void>;
}

export interface CheckpointKeeperOptions {
  readonly folder: string;
  readonly model: TrainingModel;
  readonly identity: RunIdentity;
  readonly settings: TrainingConfig["checkpoint"];
  /** Evaluations of the run so far, for choosing the best checkpoint. */
  readonly evaluations: readonly EvaluationMetrics[];
  readonly save?: typeof saveCheckpoint;
}

/**
 * A checkpoint is copied to main memory at once and written from there, if the copy fits twice into the free memory;
 * otherwise training waits while it is written, buffer by buffer. A full disk must not end a long run: it goes on
 * with the checkpoint before, and says so.
 */
export function createCheckpointKeeper(
  { folder, model, identity, settings, evaluations, save = saveCheckpoint }: CheckpointKeeperOptions,
  context: Pick<JobContext, "emit" | "progress">,
): CheckpointKeeper {
  let writing: Promise<void> = Promise.resolve();

  async function write(state: RunState, snapshot: boolean): Promise<void> {
    const { path } = await save(folder, model, state, identity, { snapshot });
    context.emit({ event: "checkpoint", step: state.step, path });
    await pruneCheckpoints(folder, settings, evaluations);
  }

  async function writeOrWarn(state: RunState, snapshot: boolean): Promise<void> {
    try {
      await write(state, snapshot);
    } catch (error) {
      if (!isCode(error, "ENOSPC", "EDQUOT")) throw error;
      context.progress.log(
        `step ${state.step}: disk full, no checkpoint written; training goes on, the checkpoint before is kept`,
      );
      context.emit({ event: "checkpoint-failed", step: state.step, reason: "disk full" });
      await pruneCheckpoints(folder, settings, evaluations);
    }
  }

  const settle = () => writing;

  return {
    settle,
    async begin(state) {
      await settle();
      const snapshot = process.availableMemory() > 2 * checkpointBytes(model);
      writing = writeOrWarn(state, snapshot);
      writing.catch(() => undefined); // Thrown by the next `settle`.
      if (!snapshot) await writing;
    },
    async finish(state) {
      await settle();
      await write(state, false);
    },
  };
}
