import type { ModelFolder } from "../../model/hugging-face.ts";
import { initialValues } from "../../model/init.ts";
import type { TrainingModel } from "../../model/llama.ts";
import { setWeights } from "../../model/training-model.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import type { TrainingConfig } from "../config.ts";
import { loadCheckpoint, type RunState } from "./checkpoint.ts";
import { listCheckpoints, pruneCheckpoints } from "./checkpoint-list.ts";
import { readHistory } from "./metrics.ts";
import type { Run } from "./run-folder.ts";

export interface StartOptions {
  readonly run: Run;
  readonly config: TrainingConfig;
  /** The step to train to. */
  readonly steps: number;
  /** Whether the run should be there already. */
  readonly resume: boolean;
  /** Where the weights come from that a new run starts with; drawn from the seed without it. */
  readonly initialWeights: ModelFolder | undefined;
}

/**
 * Fills the model from the newest checkpoint, or with initial values, and says where the run stands.
 *
 * @throws UserError when the run is beyond the step to train to, or the weights it starts from are not given
 */
export async function startingState(
  { run, config, steps, resume, initialWeights }: StartOptions,
  model: TrainingModel,
  context: JobContext,
): Promise<RunState> {
  const { evaluations } = await readHistory(run.metrics);
  await pruneCheckpoints(run.checkpoints, config.checkpoint, evaluations);
  const newest = (await listCheckpoints(run.checkpoints)).at(-1);
  if (newest === undefined) {
    if (resume) context.progress.log(`${run.folder}: no checkpoint yet; starting at step 0`);
    if (run.initialWeights !== undefined && initialWeights === undefined) {
      throw new UserError(
        `${run.folder}: has no checkpoint yet and starts from an existing model; give --init-from again`,
      );
    }
    await setWeights(
      model,
      (tensor) => initialWeights?.read(tensor) ?? initialValues(config.model, tensor, config.seed),
    );
    return { step: 0, skippedSteps: 0, cursor: { epoch: 0, row: 0 }, tokens: 0 };
  }
  if (newest.step > steps) {
    throw new UserError(
      `${run.folder}: is already at step ${newest.step}, beyond step ${steps}; give a larger --steps or choose another --out`,
    );
  }
  const state = await loadCheckpoint(newest, model, run.identity);
  context.progress.log(`continuing from ${newest.path}`);
  return state;
}
